//! Pipes that close early end a command silently.

use crate::hand::Hand;
use crate::world::{World, words};
use infrakt::queue::finish::Ending;
use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

/// More of everything than a pipe holds.
const ROWS: &str = "
    CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) SELECT i, printf('%0100d', i) AS long FROM n;
    INSERT INTO servers(id, name, host) SELECT i, 'server-' || i, 'h' || long FROM n;
    INSERT INTO server_ext(server_id) SELECT i FROM n;
    INSERT INTO apps(id, name, server_id, image, app_type) SELECT i, 'app-' || i, 1, 'registry.example/' || long || ':1', 'image' FROM n;
    INSERT INTO app_ext(app_id, compose_project) SELECT i, 'infrakt-app-' || i FROM n;
    INSERT INTO apps(id, name, server_id, image, app_type) SELECT 2000 + i, 'db-' || i, 1, 'postgres:' || long, 'db:postgres' FROM n;
    INSERT INTO app_ext(app_id, compose_project) SELECT 2000 + i, 'db-' || i FROM n;
    INSERT INTO deployments(id, app_id, status, commit_hash) SELECT i, 1, 'success', substr(long, 61) FROM n;
    INSERT INTO deployment_ext(deployment_id, commit_subject) SELECT i, long || long FROM n;
    INSERT INTO route(server_id, domain, app_id) SELECT 1, 'a' || i || '.' || substr(long, 1, 60) || '.example', 1 FROM n;
    INSERT INTO lane(id) VALUES ('srv:1') ON CONFLICT DO NOTHING;
    INSERT INTO job(uid, kind, title, lane, server_id, server_name, app_name, state, run_at, args, requested_by, created_at, finished_at)
      SELECT 'u' || i, 'restart', 'restart ' || long || long, 'srv:1', 1, 'prod-1', 'web', 'succeeded', 0, '{}', 'ada', i, i FROM n;
    INSERT INTO job(uid, kind, title, lane, server_id, server_name, app_name, run_at, args, requested_by, created_at)
      SELECT 'w' || i, 'restart', 'restart ' || long || long, 'srv:1', 1, 'prod-1', 'web', 0, '{}', 'ada', i FROM n;
";

#[test]
fn a_list_whose_reader_goes_ends_silently() {
    let world = World::with_web();
    let variables: String = (0..1200).map(|n| format!("KEY_{n:0100}=1\n")).collect();
    world.output(&words("env set web --file -"), Some(&variables));
    crate::first_release::run(&world.home().join("infrakt.db"), ROWS);
    for list in [
        "server list",
        "app list",
        "app list --server prod-1",
        "app deployments web -n 1200",
        "db list",
        "env list web",
        "env export web",
        "proxy domains prod-1",
        "job list -n 1200",
        "job list --all -n 2000",
    ] {
        for line in [list.to_owned(), format!("{list} --json")] {
            let whole = world.output(&words(&line), None);
            assert!(whole.status.success() && whole.stdout.len() > 80_000, "{line}: {} bytes", whole.stdout.len());
            let mut child = world.spawn(&mut world.command(&words(&line)));
            let mut stdout = BufReader::new(child.stdout.take().unwrap());
            let mut first = String::new();
            stdout.read_line(&mut first).unwrap();
            drop(stdout);
            let mut said = String::new();
            child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{line}");
        }
    }
    let output = world.quiet(&["app", "list", "--json"]);
    let all: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(all.len(), 2399);
    assert_eq!(world.quiet(&["server", "list"]).stdout.iter().filter(|byte| **byte == b'\n').count(), 1200 + 1);
}

/// Also while there is nothing to print: `job log 1 -f | head -1` gives the prompt back.
#[test]
fn who_follows_ends_when_the_reader_goes() {
    let world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch"]).begin("fetch").log("one\n");
    for (line, code) in [("job log 1 -f", 0), ("job follow 1 --json", 130)] {
        let mut child = world.spawn(&mut world.command(&words(line)));
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        while !first.contains("one") {
            assert!(stdout.read_line(&mut first).unwrap() > 0, "{line}: {first}");
        }
        drop(stdout);
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("{line} goes on without a reader");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert_eq!(status.code(), Some(code), "{line}");
    }
    hand.finish(&Ending::Succeeded);
}

#[test]
fn help_whose_reader_goes_ends_silently() {
    let world = World::alone();
    let mut child = world.spawn(&mut world.command(&words("--help")));
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}
