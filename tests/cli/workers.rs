//! Whatever enqueues or follows sees to it that a living process runs the job.

use crate::world::World;
use infrakt::domain::job::JobState;
use infrakt::store::{attempts, jobs};

/// A home with the app `web` where nobody lives.
fn nobody() -> World {
    let mut world = World::with_web();
    world.leave();
    world
}

fn state(world: &World) -> JobState {
    world.db().read(|conn| jobs::find(conn, 1)).unwrap().unwrap().state
}

#[test]
fn a_deploy_without_waiting_leaves_a_worker_that_ends_when_asked() {
    let world = nobody();
    world.quiet(&["app", "deploy", "web"]);
    let workers = world.workers();
    assert_eq!(workers.len(), 1, "it lives when the command returns");
    let log = std::fs::read_dir(world.home().join("logs")).unwrap().next().unwrap().unwrap().path();
    assert!(log.file_name().unwrap().to_string_lossy().starts_with("worker-"), "{log:?}");

    world.quiet(&["server", "provision", "prod-1"]);
    assert_eq!(world.workers(), workers, "one is enough");

    world.stop_workers();
    assert_eq!(state(&world), JobState::Queued, "its job waits for the next one");
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("ready to run jobs") && said.contains("ended"), "{said}");
}

#[test]
fn a_worker_leads_a_session_of_its_own_without_the_terminal() {
    let world = nobody();
    world.quiet(&["app", "deploy", "web"]);
    let pid = world.workers()[0].pid;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    assert_eq!(fields[3], pid.to_string(), "its session is its own");
    let stdin = std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
    assert_eq!(stdin.to_string_lossy(), "/dev/null");
    world.stop_workers();
}

#[test]
fn a_command_that_waits_runs_the_job_itself_and_leaves_it_to_a_worker() {
    let mut world = nobody();
    world.run("app deploy web --timeout 1s");
    let told = world.transcript();
    assert!(told.contains("[124]"), "{told}");
    assert!(told.contains("next try in SPAN: cannot connect to prod-1"), "it tried by itself: {told}");
    assert_eq!(world.workers().len(), 1, "somebody goes on with it");
    world.stop_workers();
    let attempts = world.db().read(|conn| attempts::of_job(conn, 1)).unwrap();
    let first = &attempts[0];
    assert_eq!(first.outcome.as_deref(), Some("put_back"));
}

#[test]
fn following_is_enough_to_make_a_job_go_on() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    world.leave();
    assert!(world.workers().is_empty());
    world.run("job follow 1 --timeout 1s");
    let told = world.transcript();
    assert!(told.contains("next try in SPAN: cannot connect to prod-1"), "{told}");
    world.stop_workers();
}

#[test]
fn a_worker_until_idle_ends_by_itself() {
    let world = World::alone();
    let output = world.quiet(&["worker", "--until-idle"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("ready to run jobs"), "{said}");
    assert!(world.workers().is_empty());
}
