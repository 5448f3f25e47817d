//! Owners that die: by their lock at once, by their lease when the lock says nothing.

use crate::world::World;
use infrakt::domain::job::{JobState, Resolution};
use infrakt::queue::claim::claim_next;
use infrakt::queue::finish::Ending;
use infrakt::queue::recover::{TakenOver, take_over_dead};
use infrakt::queue::worker::{living, somebody_runs};
use infrakt::queue::{LEASE_MS, QueueError, answer, cancel, record};
use infrakt::store::{attempts, workers};

fn take_over(world: &World) -> Vec<TakenOver> {
    take_over_dead(&world.db, &world.run_dir(), world.now()).unwrap()
}

#[test]
fn a_living_owner_keeps_its_job() {
    let mut world = World::new().server("a");
    world.provision("a");
    let claim = world.claim("a");
    world.clock.advance(LEASE_MS - 1);
    assert!(take_over(&world).is_empty());
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_dead_owners_job_is_taken_over_at_once_and_the_owner_forgotten() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let dies = world.another_worker();
    let claim = claim_next(&world.db, &world.lane("a"), &dies, world.now(), LEASE_MS).unwrap().unwrap();
    world.begin(&claim, 1, "packages");
    drop(dies);
    let taken = take_over(&world);
    assert_eq!(taken, [TakenOver { job: job.id, lane: world.lane("a"), attention: false }]);
    assert!(world.db.read(workers::list).unwrap().is_empty());
    assert!(take_over(&world).is_empty());
    let back = world.find_job(job.id);
    assert_eq!((back.state, back.rescues, back.attempt, back.run_at), (JobState::Queued, 1, 0, world.now()));
    assert!(matches!(record::renew(&world.db, &claim, world.now(), LEASE_MS), Err(QueueError::Fenced { .. })));
    let claim = world.claim("a");
    assert_eq!(claim.id(), job.id);
    world.finish(&claim, Ending::Succeeded);
    let outcomes: Vec<_> =
        world.db.read(|conn| attempts::of_job(conn, job.id)).unwrap().into_iter().map(|a| a.outcome.unwrap()).collect();
    assert_eq!(outcomes, ["taken_over", "succeeded"]);
}

#[test]
fn an_owner_that_does_not_renew_loses_its_job_when_the_lease_is_over() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let swapped_out = world.another_worker();
    let stale = claim_next(&world.db, &world.lane("a"), &swapped_out, world.now(), LEASE_MS).unwrap().unwrap();
    world.clock.advance(LEASE_MS);
    assert_eq!(take_over(&world).len(), 1);
    assert!(matches!(record::renew(&world.db, &stale, world.now(), LEASE_MS), Err(QueueError::Fenced { .. })));
    let claim = world.claim("a");
    assert_eq!((claim.id(), claim.fence()), (job.id, 2));
    world.finish(&claim, Ending::Succeeded);
    swapped_out.stop(&world.db).unwrap();
}

#[test]
fn an_owner_that_wakes_up_in_time_goes_on() {
    let mut world = World::new().server("a");
    world.provision("a");
    let claim = world.claim("a");
    world.clock.advance(LEASE_MS + 5000);
    record::renew(&world.db, &claim, world.now(), LEASE_MS).expect("nobody has taken it");
    assert!(take_over(&world).is_empty());
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_job_that_ends_its_owner_five_times_without_a_finished_step_needs_a_person() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let dies_running_it = |step: Option<i32>| {
        let worker = world.another_worker();
        let claim = claim_next(&world.db, &world.lane("a"), &worker, world.now(), LEASE_MS).unwrap().unwrap();
        if let Some(step) = step {
            world.done(&claim, step, "step");
        }
        drop(worker);
        take_over(&world).remove(0).attention
    };
    for _ in 0..4 {
        assert!(!dies_running_it(None));
    }
    assert!(!dies_running_it(Some(1)), "a finished step forgives");
    for _ in 0..3 {
        assert!(!dies_running_it(None));
    }
    assert!(dies_running_it(None));
    assert_eq!(world.find_job(job.id).state, JobState::Attention);
    assert!(world.queue().contains("held by 1"), "{}", world.queue());
    answer::resolve(&world.db, world.now(), job.id, Resolution::Rerun, "anna").unwrap();
    let claim = world.claim("a");
    assert_eq!(claim.job().rescues, 0, "it may try five times more");
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_dead_owners_job_that_had_not_begun_ends_where_a_cancel_was_asked_for() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let dies = world.another_worker();
    claim_next(&world.db, &world.lane("a"), &dies, world.now(), LEASE_MS).unwrap().unwrap();
    cancel::request(&world.db, world.now(), job.id, "anna").unwrap();
    drop(dies);
    take_over(&world);
    assert_eq!(world.statuses(job.id), "cancelled / stopped / inactive");
    assert!(world.try_claim("a").is_none());
}

#[test]
fn a_dead_owners_job_that_had_not_begun_makes_way_for_a_newer_one() {
    let world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h1");
    let dies = world.another_worker();
    claim_next(&world.db, &world.lane("a"), &dies, world.now(), LEASE_MS).unwrap().unwrap();
    world.deploy("blog", "h2");
    cancel::request(&world.db, world.now(), job.id, "anna").unwrap();
    drop(dies);
    take_over(&world);
    assert_eq!(
        world.queue(),
        "1 deploy blog on a: cancelled [cancelled/superseded] superseded by job 2\n\
         2 deploy blog on a: queued\n\
         lane a: epoch 1, runs -, held by -\n"
    );
}

#[test]
fn who_lives_is_told_by_the_locks() {
    let mut world = World::new().server("a");
    assert!(!somebody_runs(&world.db, &world.run_dir()).unwrap());
    let own = world.worker().id().to_owned();
    let other = world.another_worker();
    let ids: Vec<_> = living(&world.db, &world.run_dir()).unwrap().into_iter().map(|row| row.id).collect();
    assert!(ids.len() == 2 && ids.contains(&own));
    drop(other);
    assert_eq!(living(&world.db, &world.run_dir()).unwrap().len(), 1);
    let db = world.db.clone();
    world.worker().drain(&db).unwrap();
    assert!(!somebody_runs(&world.db, &world.run_dir()).unwrap(), "one that drains takes nothing new");
    take_over(&world);
}

#[test]
fn a_lock_file_without_a_row_is_swept_and_one_with_a_living_owner_is_not() {
    let mut world = World::new().server("a");
    std::fs::write(world.run_dir().join("left-behind.lock"), "").unwrap();
    let own = world.worker().id().to_owned();
    take_over(&world);
    let left: Vec<_> =
        std::fs::read_dir(world.run_dir()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, [format!("{own}.lock")]);
}
