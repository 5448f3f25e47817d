//! Trying again: a new job of the same snapshot, and which steps of the old one count.

use crate::world::World;
use infrakt::domain::job::{Job, JobState};
use infrakt::domain::plan::UNDO_SEQ;
use infrakt::domain::step::StepState;
use infrakt::queue::enqueue::Enqueued;
use infrakt::queue::finish::Ending;
use infrakt::queue::retry::{Retried, retry};
use infrakt::queue::{QueueError, answer, view};
use infrakt::store::{apps, deployments};

/// A deploy that failed in its third step.
fn failed_deploy(world: &mut World) -> Job {
    let job = world.deploy("blog", "h1");
    let claim = world.claim("a");
    world.done(&claim, 1, "fetch");
    world.begin(&claim, 2, "build");
    world.end_step(&claim, 2, StepState::Skipped, None);
    world.begin(&claim, 3, "start");
    world.end_step(&claim, 3, StepState::Failed, None);
    world.fail(&claim, None);
    job
}

fn again(world: &World, id: i64) -> Retried {
    retry(&world.db, world.now(), id, "ben").unwrap()
}

fn done_steps(world: &World, id: i64) -> Vec<(i32, StepState)> {
    world.db.read(|conn| view::steps(conn, id)).unwrap().iter().map(|s| (s.seq, s.state)).collect()
}

#[test]
fn the_new_job_has_the_same_snapshot_and_a_deployment_of_its_own() {
    let mut world = World::new().server("a").app("blog");
    let old = failed_deploy(&mut world);
    let retried = again(&world, old.id);
    let new = retried.enqueued.job();
    assert_eq!((new.retry_of, new.state, new.requested_by.as_str()), (Some(old.id), JobState::Queued, "ben"));
    assert_eq!((new.title.as_str(), &new.args, &new.coalesce_key), ("deploy blog", &old.args, &old.coalesce_key));
    assert_ne!((new.deployment_id, &new.uid), (old.deployment_id, &old.uid));
    let spec = |id: Option<i64>| world.db.read(|conn| deployments::spec(conn, id.unwrap())).unwrap().unwrap();
    let (before, after) = (spec(old.deployment_id), spec(new.deployment_id));
    assert_eq!((before.source, before.env_sealed, before.spec_hash), (after.source, after.env_sealed, after.spec_hash));
    assert_eq!(world.find_job(old.id).state, JobState::Failed, "the old one stays as it ended");
    assert_eq!((retried.kept, retried.starts_over), (vec!["fetch".to_owned(), "build".to_owned()], None));
}

#[test]
fn done_steps_count_where_nobody_had_the_lane_since() {
    let mut world = World::new().server("a").app("blog");
    let old = failed_deploy(&mut world);
    let new = again(&world, old.id).enqueued.into_job();
    // Claims of its own that did not come to a step change nothing.
    for _ in 0..3 {
        let claim = world.claim("a");
        world.put_back(&claim);
    }
    let claim = world.claim("a");
    assert_eq!(done_steps(&world, new.id), [(1, StepState::Succeeded), (2, StepState::Skipped)]);
    world.done(&claim, 3, "start");
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn another_job_on_the_server_since_makes_it_start_over() {
    let mut world = World::new().server("a").app("blog").app("shop");
    let old = failed_deploy(&mut world);
    world.deploy("shop", "h");
    let claim = world.claim("a");
    world.finish(&claim, Ending::Succeeded);
    let retried = again(&world, old.id);
    assert_eq!((retried.kept, retried.starts_over.as_deref()), (vec![], Some("another job ran on a since")));
    let claim = world.claim("a");
    assert!(done_steps(&world, claim.id()).is_empty());
    world.put_back(&claim);
}

#[test]
fn one_that_waits_before_it_makes_it_start_over_too() {
    let mut world = World::new().server("a").app("blog").app("shop");
    let old = failed_deploy(&mut world);
    let shop = world.deploy("shop", "h");
    let retried = again(&world, old.id);
    assert_eq!(retried.starts_over, Some(format!("job {} (deploy shop) goes first", shop.id)));
}

#[test]
fn one_that_slips_in_between_takes_the_done_steps_away_again() {
    let mut world = World::new().server("a").app("blog").app("shop");
    let old = failed_deploy(&mut world);
    let new = again(&world, old.id).enqueued.into_job();
    let claim = world.claim("a");
    assert_eq!(done_steps(&world, new.id).len(), 2);
    let shop = world.deploy("shop", "h");
    world.put_back(&claim);
    answer::bump(&world.db, world.now(), shop.id).unwrap();
    let claim = world.claim("a");
    assert_eq!(claim.id(), shop.id);
    world.finish(&claim, Ending::Succeeded);
    let claim = world.claim("a");
    assert_eq!(claim.id(), new.id);
    assert!(done_steps(&world, new.id).is_empty());
    world.put_back(&claim);
}

#[test]
fn what_was_cleaned_up_does_not_count() {
    let mut world = World::new().server("a").app("blog");
    let old = world.deploy("blog", "h1");
    let claim = world.claim("a");
    world.done(&claim, 1, "fetch");
    world.done(&claim, 2, "start");
    world.begin(&claim, 3, "health");
    world.end_step(&claim, 3, StepState::Failed, None);
    world.done(&claim, 2 + UNDO_SEQ, "undo start");
    world.fail(&claim, Some(true));
    assert_eq!(again(&world, old.id).kept, ["fetch"]);
}

#[test]
fn a_retry_joins_the_same_request_that_waits_and_supersedes_another() {
    let mut world = World::new().server("a").app("blog");
    let old = failed_deploy(&mut world);
    let waiting = world.deploy("blog", "h1");
    assert!(matches!(again(&world, old.id).enqueued, Enqueued::Joined(job) if job.id == waiting.id));
    world.deploy("blog", "h2");
    assert!(matches!(again(&world, old.id).enqueued, Enqueued::Replaced { .. }));
}

#[test]
fn only_what_failed_or_was_cancelled_is_tried_again() {
    let mut world = World::new().server("a").app("blog").server("b");
    let job = world.provision("b");
    assert!(matches!(
        retry(&world.db, 0, job.id, "ben"),
        Err(QueueError::NotRetryable { state: JobState::Queued, .. })
    ));
    let claim = world.claim("b");
    assert!(matches!(
        retry(&world.db, 0, job.id, "ben"),
        Err(QueueError::NotRetryable { state: JobState::Running, .. })
    ));
    world.finish(&claim, Ending::Succeeded);
    assert!(matches!(
        retry(&world.db, 0, job.id, "ben"),
        Err(QueueError::NotRetryable { state: JobState::Succeeded, .. })
    ));
    assert!(matches!(retry(&world.db, 0, 99, "ben"), Err(QueueError::NoJob(99))));

    let old = failed_deploy(&mut world);
    world.db.write(|conn| apps::delete(conn, old.app_id.unwrap())).unwrap();
    assert!(matches!(retry(&world.db, 0, old.id, "ben"), Err(QueueError::Gone { what: "the app", .. })));
}

#[test]
fn a_retry_of_a_provisioning_waits_its_turn_like_any_other() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let claim = world.claim("a");
    world.done(&claim, 1, "packages");
    world.fail(&claim, None);
    let retried = again(&world, job.id);
    assert_eq!(retried.kept, ["packages"]);
    assert!(
        matches!(again(&world, job.id).enqueued, Enqueued::Joined(ref same) if same.id == retried.enqueued.job().id)
    );
}
