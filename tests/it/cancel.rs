//! Cancelling: at once what has not begun, by its owner what has.

use crate::world::World;
use infrakt::domain::job::JobState;
use infrakt::domain::step::StepState;
use infrakt::queue::answer::{PauseReason, pause_lane};
use infrakt::queue::cancel::{Cancel, request};
use infrakt::queue::finish::Ending;
use infrakt::queue::put_back::{PutBack, PutBackOutcome, need_person, put_back};
use infrakt::queue::{QueueError, claim};

#[test]
fn a_job_that_has_not_begun_ends_at_once() {
    let world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let cancelled = request(&world.db, world.now(), job.id, "anna").unwrap();
    assert!(
        matches!(&cancelled, Cancel::Ended(job) if job.state == JobState::Cancelled && job.finished_at == Some(world.now()))
    );
    assert_eq!(
        world.queue(),
        "1 deploy blog on a: cancelled [cancelled/cancelled] cancelled by anna\nlane a: epoch 0, runs -, held by -\n"
    );
    assert_eq!(world.statuses(job.id), "cancelled / stopped / inactive");
    assert!(matches!(request(&world.db, world.now(), job.id, "ben").unwrap(), Cancel::Late(_)));
    assert!(matches!(request(&world.db, world.now(), 99, "ben"), Err(QueueError::NoJob(99))));
}

#[test]
fn a_running_job_is_asked_and_shows_as_cancelling() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    let at = world.clock.advance(100);
    assert!(
        matches!(request(&world.db, at, job.id, "anna").unwrap(), Cancel::Asked(job) if job.shown_state() == "cancelling")
    );
    let later = world.clock.advance(100);
    request(&world.db, later, job.id, "ben").unwrap();
    let asked = world.find_job(job.id);
    assert_eq!((asked.cancel_at, asked.cancel_by.as_deref()), (Some(at), Some("anna")), "who asked first is kept");
    world.end_step(&claim, 1, StepState::Cancelled, None);
    let ended = world.finish(&claim, Ending::Cancelled);
    assert_eq!(ended.failure.unwrap().text, "cancelled by anna");
}

#[test]
fn a_job_that_backs_off_is_due_at_once_for_its_cancel() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    let back = PutBack { run_at: world.now() + 60_000, reason: Some("x".to_owned()), counts: true };
    put_back(&world.db, &claim, world.now(), &back).unwrap();
    assert!(world.try_claim("a").is_none());
    request(&world.db, world.now(), job.id, "anna").unwrap();
    let claim = world.claim("a");
    // One that meets a server out of reach waits for its next try, until somebody asks again.
    put_back(&world.db, &claim, world.now(), &back).unwrap();
    assert!(world.try_claim("a").is_none(), "it is not claimed again at once, for ever");
    request(&world.db, world.now(), job.id, "anna").unwrap();
    let claim = world.claim("a");
    world.finish(&claim, Ending::Cancelled);
}

#[test]
fn a_claimed_job_that_has_not_begun_ends_when_it_is_put_back() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    assert!(matches!(request(&world.db, world.now(), job.id, "anna").unwrap(), Cancel::Asked(_)));
    assert_eq!(world.put_back(&claim), PutBackOutcome::Cancelled);
    assert_eq!(world.statuses(job.id), "cancelled / stopped / inactive");
}

#[test]
fn a_job_that_waits_for_a_person_is_cancelled_by_its_next_owner() {
    let mut world = World::new().server("a").app("blog").app("shop");
    let job = world.deploy("blog", "h");
    world.deploy("shop", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    need_person(&world.db, &claim, world.now(), "well?").unwrap();
    assert!(world.try_claim("a").is_none(), "it keeps its lane");
    request(&world.db, world.now(), job.id, "anna").unwrap();
    let claim = world.claim("a");
    assert_eq!((claim.id(), claim.job().cancel_at), (job.id, Some(world.now())));
    need_person(&world.db, &claim, world.now(), "the cancel is not confirmed").unwrap();
    request(&world.db, world.now(), job.id, "anna").unwrap();
    let claim = world.claim("a");
    world.finish(&claim, Ending::Cancelled);
    let next = world.claim("a");
    assert_eq!(next.id(), 2);
    world.put_back(&next);
}

#[test]
fn a_cancel_goes_through_a_paused_lane() {
    let mut world = World::new().server("a").app("blog").app("shop");
    let job = world.deploy("blog", "h");
    world.deploy("shop", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    world.put_back(&claim);
    let (lane, now) = (world.lane("a"), world.now());
    world.db.write(|conn| pause_lane(conn, now, &lane, None, &PauseReason::ByHand { by: "anna".to_owned() })).unwrap();
    assert!(world.try_claim("a").is_none());
    request(&world.db, world.now(), job.id, "anna").unwrap();
    assert_eq!(claim::lanes_with_work(&world.db, world.now()).unwrap(), [lane]);
    let claim = world.claim("a");
    world.finish(&claim, Ending::Cancelled);
    assert!(world.try_claim("a").is_none());
}
