//! The home: made, kept closed, and never damaged further.

use crate::world::World;
use insta::assert_snapshot;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

#[test]
fn init_makes_a_home_once() {
    let mut world = World::alone();
    world.run("init").run("init").run("init --json").run("init --home other --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn every_command_makes_a_missing_home() {
    let mut world = World::alone();
    world.run("app list");
    assert_snapshot!(world.transcript());
    assert!(world.home().join("infrakt.db").exists());
}

#[test]
fn nothing_in_a_home_is_open_to_others() {
    let world = World::with_web();
    world.quiet(&["env", "set", "web", "A=1"]);
    world.quiet(&["app", "deploy", "web"]);
    let mut seen: Vec<PathBuf> = vec![world.home()];
    while let Some(path) = seen.pop() {
        let mode = path.metadata().unwrap().mode();
        assert_eq!(mode & 0o077, 0, "{} is open: {mode:o}", path.display());
        if path.is_dir() {
            seen.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
}

#[test]
fn a_home_that_cannot_be_one_is_named() {
    let mut world = World::alone();
    world.file("file", "");
    world.run("app list --home file").run("init --home file/below");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_damaged_database_is_named_and_left_as_it_is() {
    let mut world = World::alone();
    std::fs::create_dir(world.home()).unwrap();
    let db = world.home().join("infrakt.db");
    let text = "this is no database, whatever its name says. ".repeat(100);
    std::fs::write(&db, &text).unwrap();
    world.run("app list").run("init");
    assert_eq!(std::fs::read_to_string(&db).unwrap(), text);
    assert_snapshot!(world.transcript());
}

#[test]
fn a_lost_or_foreign_key_is_said_and_not_replaced() {
    let mut world = World::with_web();
    let key = world.home().join("master.key");
    world.quiet(&["env", "set", "web", "A=1"]);
    let own = std::fs::read(&key).unwrap();

    std::fs::remove_file(&key).unwrap();
    world.run("env get web A").run("env set web B=2").run("app deploy web").run("app list").run("init");
    assert!(!key.exists());

    std::fs::write(&key, "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=").unwrap();
    world.run("env get web A").run("env set web B=2").run("app deploy web");

    std::fs::write(&key, "no key").unwrap();
    world.run("env get web A");

    std::fs::write(&key, own).unwrap();
    world.run("env list web --show");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_damaged_environment_is_named_and_left_as_it_is() {
    let mut world = World::with_web();
    let file = world.home().join("envs/1.json");
    std::fs::write(&file, "{\"A\": ").unwrap();
    world.run("env list web").run("env set web A=1").run("app deploy web");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"A\": ");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_link_to_the_page_says_when_nobody_serves_it() {
    let world = World::alone();
    let output = world.quiet(&["ui"]);
    let (link, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(link.starts_with("http://127.0.0.1:8000/api/session/link?token="), "{link}");
    assert!(said.contains("warning: nothing serves this home now\nhint: `infrakt serve` does"), "{said}");
    let elsewhere = world.quiet(&["ui", "--url", "https://paas.example"]);
    assert!(elsewhere.stdout.starts_with(b"https://paas.example/api/session/link?token="));
    assert!(!String::from_utf8_lossy(&elsewhere.stderr).contains("warning"), "somebody who names it knows");
}

#[test]
fn waiting_jobs_without_anybody_to_run_them_are_said() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    world.leave();
    world.run("job list").run("app list").run("job show 1");
    assert_snapshot!(world.transcript());
}
