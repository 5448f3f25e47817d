//! A server that cannot be reached before a job's first step, or that shows another host key: what that does to the jobs that wait in
//! its lane.

use crate::outage::{Toy, Try, run};
use crate::world::{START_MS, World};
use infrakt::clock::{Clock, TestClock};
use infrakt::domain::job::JobState;
use infrakt::domain::retry::{CONNECT_DELAYS_S, LOST_GRACE};
use infrakt::engine::Ended;
use infrakt::queue::answer::{self, PauseReason};
use infrakt::queue::claim::{claim_next, lanes_with_work, next_due};
use infrakt::queue::put_back::{PutBack, put_back};
use infrakt::queue::{LEASE_MS, cancel, outage, view};
use infrakt::store::{attempts, lanes};
use std::sync::Arc;
use std::time::Duration;

/// A world and a server that share a time.
struct Story {
    world: World,
    clock: Arc<TestClock>,
}

impl Story {
    fn new(world: World) -> Self {
        Self { world, clock: Arc::new(TestClock::at(START_MS)) }
    }

    fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Runs the lane's next job against a server that meets these tries. None: there is nothing to claim now.
    fn next(&mut self, tries: impl IntoIterator<Item = Try>) -> Option<(i64, Ended)> {
        let (lane, now) = (self.world.lane("a"), self.now());
        let db = self.world.db.clone();
        let claim = claim_next(&db, &lane, self.world.worker(), now, LEASE_MS).unwrap()?;
        let mut toy = Toy::new(tries.into_iter().collect::<Vec<_>>());
        toy.clock = self.clock.clone();
        let id = claim.id();
        Some((id, run(&self.world, &toy, claim)))
    }

    /// As a process does that has nothing else to do: until the next lane is due.
    fn wait(&self) {
        let due = next_due(&self.world.db, self.now()).unwrap().expect("something waits for a time");
        self.clock.advance(due - self.now());
    }

    fn why(&self, id: i64) -> String {
        let now = self.now();
        let view = self.world.db.read(|conn| view::find(conn, now, id, true)).unwrap().unwrap();
        view.waiting.map_or("it does not wait".to_owned(), |waiting| waiting.text())
    }
}

fn away() -> [Try; 1] {
    [Try::Away(Duration::ZERO)]
}

const UNREACHABLE: &str = "cannot connect to a: no route to host";

#[test]
fn a_job_that_backs_off_before_it_began_is_not_overtaken() {
    let mut story = Story::new(World::new().server("a").app("web"));
    story.world.provision("a");
    story.world.deploy("web", "h");
    for tries in 1..=3 {
        assert_eq!(story.next(away()), Some((1, Ended::PutBack)), "try {tries}");
        assert_eq!(story.next([]), None, "nobody goes before the one that was asked for first");
        assert!(lanes_with_work(&story.world.db, story.now()).unwrap().is_empty());
        story.wait();
    }
    assert_eq!(story.next([Try::Works]), Some((1, Ended::Finished(JobState::Succeeded))));
    assert_eq!(story.next([Try::Works]), Some((2, Ended::Finished(JobState::Succeeded))));
}

#[test]
fn whatever_an_unbegun_job_waits_for_the_next_one_does_not_go_before_it() {
    for back in [
        PutBack { run_at: START_MS + 5000, reason: Some("a does not answer".to_owned()), counts: true },
        PutBack { run_at: START_MS + 5000, reason: None, counts: false },
    ] {
        let mut world = World::new().server("a").app("blog").app("shop");
        world.deploy("blog", "h");
        world.deploy("shop", "h");
        let claim = world.claim("a");
        put_back(&world.db, &claim, world.now(), &back).unwrap();
        assert!(world.try_claim("a").is_none());
        assert_eq!(next_due(&world.db, world.now()).unwrap(), Some(START_MS + 5000));
        world.clock.advance(5000);
        let claim = world.claim("a");
        assert_eq!(claim.id(), 1);
        world.put_back(&claim);
    }
}

#[test]
fn one_outage_fails_one_job_and_what_waits_behind_it_goes_when_the_server_is_back() {
    let mut story = Story::new(World::new().server("a").app("web").app("shop"));
    for job in [story.world.provision("a"), story.world.deploy("web", "h"), story.world.deploy("shop", "h")] {
        assert_eq!(job.state, JobState::Queued);
    }
    for _ in CONNECT_DELAYS_S {
        assert_eq!(story.next(away()), Some((1, Ended::PutBack)));
        story.wait();
    }
    assert_eq!(story.next(away()), Some((1, Ended::Finished(JobState::Failed))));
    assert_eq!(story.world.find_job(1).failure.unwrap().class_and_code(), "transient/unreachable");
    // A night.
    let morning = story.now() + 8 * 3600 * 1000;
    while story.now() < morning {
        assert_eq!(story.next([]), None);
        assert_eq!((story.why(2), story.why(3)), (UNREACHABLE.to_owned(), UNREACHABLE.to_owned()));
        story.wait();
        assert_eq!(story.next(away()), Some((2, Ended::PutBack)));
    }
    assert_eq!(story.world.find_job(2).attempt, 0, "the outage costs it nothing");
    story.wait();
    for id in [2, 3] {
        assert_eq!(story.next([Try::Works]), Some((id, Ended::Finished(JobState::Succeeded))));
    }
    let lane = story.world.db.read(|conn| lanes::find(conn, &story.world.lane("a"))).unwrap().unwrap();
    assert_eq!(lane.outage, None);
}

#[test]
fn who_asks_while_nothing_waits_is_told_within_its_own_tries() {
    let mut story = Story::new(World::new().server("a").app("web"));
    for id in 1..=2 {
        story.world.deploy("web", &id.to_string());
        let mut tries = 0;
        let ended = loop {
            match story.next(away()) {
                Some((of, Ended::PutBack)) => assert_eq!(of, id),
                Some((_, ended)) => break ended,
                None => story.wait(),
            }
            tries += 1;
            assert!(tries < 20, "it goes on for ever");
        };
        assert_eq!(ended, Ended::Finished(JobState::Failed));
        assert_eq!(story.world.find_job(id).attempt, CONNECT_DELAYS_S.len() as i32);
    }
}

#[test]
fn a_server_that_answered_somebody_else_is_tried_at_once() {
    let mut story = Story::new(World::new().server("a").app("web"));
    story.world.deploy("web", "h");
    for _ in 0..3 {
        assert_eq!(story.next(away()), Some((1, Ended::PutBack)));
        story.wait();
    }
    assert_eq!(story.next(away()), Some((1, Ended::PutBack)));
    assert_eq!(story.next([]), None);
    let (now, id) = (story.now(), story.world.find_server("a").id);
    story.world.db.write(|conn| outage::server_answered(conn, now, id)).unwrap();
    assert_eq!(story.next([Try::Works]), Some((1, Ended::Finished(JobState::Succeeded))));
}

#[test]
fn an_unbegun_job_of_a_server_out_of_reach_is_cancelled_at_once() {
    let mut story = Story::new(World::new().server("a").app("web"));
    story.world.deploy("web", "h");
    story.world.provision("a");
    assert_eq!(story.next(away()), Some((1, Ended::PutBack)));
    let ended = cancel::request(&story.world.db, story.now(), 1, "anna").unwrap();
    assert_eq!(ended.job().state, JobState::Cancelled);
    assert_eq!(story.next([]), None, "the server is as far away for the next one");
    story.wait();
    assert_eq!(story.next([Try::Works]), Some((2, Ended::Finished(JobState::Succeeded))));
}

#[test]
fn a_wait_that_a_clock_set_back_has_made_hours_long_is_none() {
    let mut story = Story::new(World::new().server("a").app("web"));
    story.clock.advance(3600 * 1000);
    story.world.deploy("web", "h");
    assert_eq!(story.next(away()), Some((1, Ended::PutBack)));
    story.clock.set(START_MS);
    assert_eq!(lanes_with_work(&story.world.db, story.now()).unwrap(), [story.world.lane("a")]);
    assert_eq!(story.next([Try::Works]), Some((1, Ended::Finished(JobState::Succeeded))));
}

/// A job that has begun, in a lane whose server shows another host key since.
fn paused_for_its_key() -> Story {
    let mut story = Story::new(World::new().server("a").app("web"));
    story.world.deploy("web", "h");
    assert_eq!(story.next([Try::Breaks, Try::OtherKey]), Some((1, Ended::PutBack)));
    assert_eq!(story.next([]), None, "the lane is paused");
    story
}

#[test]
fn a_cancel_in_a_lane_paused_for_its_host_key_does_not_spin() {
    let mut story = paused_for_its_key();
    let asked = story.now();
    cancel::request(&story.world.db, asked, 1, "anna").unwrap();
    assert_eq!(story.next([Try::OtherKey]), Some((1, Ended::PutBack)), "it is tried");
    assert_eq!(story.next([]), None, "and not at once again");
    assert!(story.why(1).starts_with("the server's host key changed: pinned is"), "{}", story.why(1));
    let mut claims = 0;
    let ended = loop {
        story.wait();
        claims += 1;
        match story.next([Try::OtherKey]) {
            Some((1, Ended::PutBack)) => assert!(claims < 100),
            other => break other,
        }
    };
    assert_eq!(ended, Some((1, Ended::Attention)), "a person is asked in the end");
    assert!(story.now() - asked >= LOST_GRACE.as_millis() as i64);
    assert!(claims <= 10, "one a minute: {claims}");
    assert!(story.why(1).starts_with("cancel not confirmed: the server's host key changed"), "{}", story.why(1));
    let all = story.world.db.read(|conn| attempts::of_job(conn, 1)).unwrap();
    assert_eq!(all.len(), claims + 2);
}

#[test]
fn a_cancel_in_a_paused_lane_is_done_when_the_right_key_is_shown_again() {
    let mut story = paused_for_its_key();
    cancel::request(&story.world.db, story.now(), 1, "anna").unwrap();
    assert_eq!(story.next([Try::OtherKey]), Some((1, Ended::PutBack)));
    story.wait();
    assert_eq!(story.next([Try::Breaks]), Some((1, Ended::Finished(JobState::Cancelled))));
}

#[test]
fn a_lane_paused_by_hand_still_does_its_cancels() {
    let mut story = Story::new(World::new().server("a").app("web"));
    story.world.deploy("web", "h");
    let claim = story.world.claim("a");
    story.world.begin(&claim, 1, "fetch");
    story.world.put_back(&claim);
    let (now, lane) = (story.now(), story.world.lane("a"));
    let by_hand = PauseReason::ByHand { by: "anna".to_owned() };
    story.world.db.write(|conn| answer::pause_lane(conn, now, &lane, None, &by_hand)).unwrap();
    assert_eq!(story.next([]), None);
    cancel::request(&story.world.db, now, 1, "anna").unwrap();
    assert_eq!(story.next([Try::Breaks]), Some((1, Ended::Finished(JobState::Cancelled))));
}
