//! `infrakt doctor`: each thing that is wrong is named, with what to do.

use crate::world::World;
use infrakt::clock::{Clock, SystemClock};
use infrakt::queue::{Worker, WorkerKind};
use insta::assert_snapshot;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

#[test]
fn a_home_without_faults_is_well() {
    let mut world = World::new();
    world.run("doctor").run("doctor --json").run("doctor nobody");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_home_that_is_not_there_is_not_made() {
    let mut world = World::alone();
    world.run("doctor");
    assert!(!world.home().exists());
    assert_snapshot!(world.transcript());
}

#[test]
fn what_is_open_to_others_is_named() {
    let mut world = World::new();
    let open =
        |name: &str, mode| std::fs::set_permissions(world.home().join(name), Permissions::from_mode(mode)).unwrap();
    open("master.key", 0o644);
    open("envs", 0o755);
    world.run("doctor");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_key_that_opens_nothing_here_is_named_and_kept() {
    let mut world = World::new();
    world.server("prod-1").app("web", "prod-1");
    world.quiet(&["env", "set", "web", "A=1"]);
    world.quiet(&["server", "add", "lab", "--host", "127.0.0.1", "--port", "1", "--offline"]);
    let key = world.home().join("master.key");
    let foreign = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=";
    std::fs::write(&key, foreign).unwrap();
    world.run("doctor lab");
    assert_eq!(std::fs::read_to_string(&key).unwrap(), foreign);
    std::fs::remove_file(&key).unwrap();
    world.run("doctor lab");
    assert!(!key.exists());
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_that_is_down_is_named() {
    let mut world = World::with_web();
    world.server("lab");
    world.run("doctor").run("doctor lab --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_processes_that_are_gone_have_left_is_named() {
    let mut world = World::new();
    let run = world.home().join("run");
    // As a kill leaves them: the lock goes with the process, row and files stay.
    drop(Worker::start(&world.db(), &run, WorkerKind::Worker, SystemClock.now_ms()).unwrap());
    std::fs::write(run.join("1a2b.lock"), "").unwrap();
    std::fs::set_permissions(run.join("1a2b.lock"), Permissions::from_mode(0o600)).unwrap();
    drop(UnixDatagram::bind(run.join("1a2b3c4d.s")).unwrap());
    let living = UnixDatagram::bind(run.join("living.s")).unwrap();
    world.name(format!("process {}", std::process::id()), "process PID");
    world.run("doctor");
    world.quiet(&["worker", "--until-idle"]);
    world.run("doctor");
    assert!(run.join("living.s").exists());
    drop(living);
    assert_snapshot!(world.transcript());
}
