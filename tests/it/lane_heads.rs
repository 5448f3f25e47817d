//! Each lane's row names the job that its next claim takes. Whatever happens to jobs and lanes, that is what a look through all jobs says.

use crate::world::World;
use infrakt::domain::job::{Job, JobState, Resolution};
use infrakt::queue::answer::{self, PauseReason};
use infrakt::queue::finish::Ending;
use infrakt::queue::put_back::{PutBack, need_person, put_back};
use infrakt::queue::{Claim, cancel};
use infrakt::store::jobs::{self, Filter};
use infrakt::store::{Page, lanes};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Act {
    Deploy(usize),
    Provision,
    Claim,
    Begin,
    /// Until so many seconds from now.
    PutBack(i64),
    Ask,
    Answer,
    Finish,
    Cancel(usize),
    Bump(usize),
    Pause,
    Resume,
    Pass(i64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0..4usize).prop_map(Act::Deploy),
        1 => Just(Act::Provision),
        4 => Just(Act::Claim),
        2 => Just(Act::Begin),
        2 => (0..90i64).prop_map(Act::PutBack),
        1 => Just(Act::Ask),
        1 => Just(Act::Answer),
        2 => Just(Act::Finish),
        1 => (0..8usize).prop_map(Act::Cancel),
        1 => (0..8usize).prop_map(Act::Bump),
        1 => Just(Act::Pause),
        1 => Just(Act::Resume),
        1 => (0..60i64).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 1..40)
}

const APPS: [&str; 4] = ["blog", "shop", "wiki", "mail"];

fn alive(world: &World) -> Vec<Job> {
    let filter = Filter { alive: true, ..Filter::default() };
    world.db.read(|conn| jobs::list(conn, &filter, Page::all())).unwrap()
}

/// What is refused is refused: only what the rows say behind it counts.
fn act(world: &mut World, claim: &mut Option<Claim>, act: &Act, hashes: &mut u32) {
    let (now, lane) = (world.now(), world.lane("a"));
    let one = |nth: usize| alive(world).into_iter().rev().nth(nth).map(|job| job.id);
    match act {
        Act::Deploy(app) => {
            *hashes += 1;
            world.deploy(APPS[*app], &hashes.to_string());
        }
        Act::Provision => drop(world.try_enqueue(&world.new_provision("a"))),
        Act::Claim if claim.is_none() => *claim = world.try_claim("a"),
        Act::Begin => {
            if let Some(claim) = claim {
                let _ = world.try_begin(claim, 1, 1, "fetch");
            }
        }
        Act::PutBack(seconds) => {
            if let Some(claim) = claim.take() {
                let back = PutBack { run_at: now + seconds * 1000, reason: None, counts: false };
                put_back(&world.db, &claim, now, &back).unwrap();
            }
        }
        Act::Ask => {
            if let Some(claim) = claim.take() {
                need_person(&world.db, &claim, now, "well?").unwrap();
            }
        }
        Act::Answer => {
            if let Some(job) = alive(world).iter().find(|job| job.state == JobState::Attention) {
                let _ = answer::resolve(&world.db, now, job.id, Resolution::Rerun, "anna");
            }
        }
        Act::Finish => {
            if let Some(claim) = claim.take() {
                world.finish(&claim, Ending::Succeeded);
            }
        }
        Act::Cancel(nth) => {
            if let Some(id) = one(*nth) {
                let _ = cancel::request(&world.db, now, id, "anna");
            }
        }
        Act::Bump(nth) => {
            if let Some(id) = one(*nth) {
                let _ = answer::bump(&world.db, now, id);
            }
        }
        Act::Pause => {
            let reason = PauseReason::ByHand { by: "anna".to_owned() };
            world.db.write(|conn| answer::pause_lane(conn, now, &lane, None, &reason)).unwrap();
        }
        Act::Resume => {
            world.db.write(|conn| answer::resume_lane(conn, now, &lane, None)).unwrap();
        }
        Act::Pass(seconds) => drop(world.clock.advance(seconds * 1000)),
        Act::Claim => {}
    }
}

/// The next job, told from all rows.
fn head(world: &World, lane: &lanes::Lane) -> Option<Job> {
    let may = |job: &&Job| job.state == JobState::Queued && (lane.paused_at.is_none() || job.cancel_at.is_some());
    let all = alive(world);
    match (lane.running_job, lane.held_by) {
        (Some(_), _) => None,
        (None, Some(holder)) => all.iter().filter(may).find(|job| job.id == holder).cloned(),
        (None, None) => all.iter().filter(may).min_by_key(|job| (job.priority, job.id)).cloned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_lane_always_names_the_job_that_comes_next(acts in acts()) {
        let mut world = World::new().server("a");
        for app in APPS {
            world = world.app(app);
        }
        let (mut claim, mut hashes) = (None, 0);
        for one in &acts {
            act(&mut world, &mut claim, one, &mut hashes);
            let lane = world.lane("a");
            let Some(lane) = world.db.read(|conn| lanes::find(conn, &lane)).unwrap() else { continue };
            let head = head(&world, &lane);
            prop_assert_eq!(lane.next_job, head.as_ref().map(|job| job.id), "behind {:?}\n{}", one, world.queue());
            prop_assert_eq!(lane.ready_at, head.map(|job| job.run_at), "behind {:?}\n{}", one, world.queue());
        }
        if let Some(claim) = claim {
            world.finish(&claim, Ending::Cancelled);
        }
    }
}
