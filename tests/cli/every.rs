//! What holds for every command: how it says that something is not there, that a name means two things, that a server is down, that a
//! list is empty; and that what it prints with `--json` can be read.

use crate::contact::{add, met};
use crate::hand::Hand;
use crate::world::{World, words};
use infrakt::domain::failure::{Failure, code};
use infrakt::queue::finish::Ending;
use insta::assert_snapshot;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// Every command that can be called, from the reference.
fn commands() -> BTreeSet<String> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md")).unwrap();
    let all: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("## infrakt ")).collect();
    let is_group = |one: &str| all.iter().any(|other| other.starts_with(&format!("{one} ")));
    all.iter().filter(|one| !is_group(one)).map(|one| (*one).to_owned()).collect()
}

/// Which of them a command line is.
fn command_of(line: &str, commands: &BTreeSet<String>) -> String {
    let found = commands.iter().find(|command| line == *command || line.starts_with(&format!("{command} ")));
    found.unwrap_or_else(|| panic!("`{line}` is no command")).clone()
}

/// All commands but those named have a line here.
fn cover(lines: &[&str], but: &[&str]) {
    let all = commands();
    let covered: BTreeSet<String> = lines.iter().map(|line| command_of(line, &all)).collect();
    let left: Vec<&String> = all.difference(&covered).filter(|one| !but.contains(&one.as_str())).collect();
    assert!(left.is_empty(), "without a line here: {left:?}");
}

/// A refusal is the same with `--json`: no document, the text on stderr, the code.
fn refuse(world: &mut World, line: &str, status: i32) {
    let output = world.output(&words(line), None);
    assert_eq!(output.status.code(), Some(status), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    // Which has no JSON, and says so.
    if line.starts_with("server ssh") {
        world.note(line, &output);
        return;
    }
    let json = world.output(&words(&format!("{line} --json")), None);
    assert_eq!((json.status.code(), &json.stderr), (output.status.code(), &output.stderr), "{line}");
    assert_eq!((output.stdout.len(), json.stdout.len()), (0, 0), "{line}");
    world.note(line, &output);
}

/// Commands that name nothing that could be missing.
const NAMELESS: &[&str] =
    &["init", "server add", "server list", "worker", "serve", "key add", "key list", "ui", "completions"];

#[test]
fn every_command_says_what_is_not_there() {
    let mut world = World::with_web();
    world.file("some.env", "A=1\n");
    let lines = [
        "server show none",
        "server provision none",
        "server status none",
        "server trust none",
        "server edit none --port 2",
        "server ssh none",
        "server remove none",
        "app create x --server none --image i",
        "app list --server none",
        "app show none",
        "app logs none",
        "app edit none --port 1",
        "app deploy none",
        "app restart none",
        "app stop none",
        "app start none",
        "app destroy none --yes",
        "app deployments none",
        "deployment show 99",
        "proxy setup none",
        "proxy add a.example --server none --port 80",
        "proxy add a.example --server prod-1 --app none",
        "proxy remove a.example --server none",
        "proxy domains none",
        "proxy status none",
        "proxy reload none",
        "env set none A=1",
        "env get none A",
        "env get web NONE",
        "env list none",
        "env push none",
        "env import none some.env",
        "env export none",
        "env delete none A",
        "env delete web NONE",
        "db create x --server none --type redis",
        "db list --server none",
        "db url none",
        "db destroy none --yes",
        "job list --server none",
        "job show 99",
        "job log 99",
        "job follow 99",
        "job cancel 99",
        "job retry 99",
        "job resolve 99 --done",
        "job bump 99",
        "key revoke none",
        "doctor none",
    ];
    cover(&lines, NAMELESS);
    for line in lines {
        refuse(&mut world, line, 3);
    }
    assert_snapshot!(world.transcript());
    let jobs = world.quiet(&["job", "list", "--all", "--json"]);
    assert_eq!(jobs.stdout, b"[]\n");
}

#[test]
fn every_command_says_which_servers_have_an_app_of_that_name() {
    let mut world = World::with_web();
    world.server("prod-2").app("web", "prod-2");
    for server in ["prod-1", "prod-2"] {
        world.quiet(&["db", "create", "main", "--server", server, "--type", "redis", "--no-wait"]);
    }
    world.file("some.env", "A=1\n");
    for line in [
        "app show web",
        "app logs web",
        "app edit web --port 1",
        "app deploy web",
        "app restart web",
        "app stop web",
        "app start web",
        "app destroy web --yes",
        "app destroy web --local --yes",
        "app deployments web",
        "env set web A=1",
        "env get web A",
        "env list web",
        "env push web",
        "env import web some.env",
        "env export web",
        "env delete web A",
        "db url main",
        "db destroy main --yes",
        "db destroy main --local --yes",
        "app restart main",
        "app logs main",
    ] {
        refuse(&mut world, line, 3);
    }
    assert_snapshot!(world.transcript());
}

#[test]
fn every_list_says_when_it_is_empty() {
    let mut world = World::new();
    world.run("server list").run("app list").run("db list").run("job list").run("job list --all");
    world.server("prod-1").app("web", "prod-1");
    for line in ["app list --server prod-1", "db list --server prod-1", "proxy domains prod-1"] {
        world.run(line);
    }
    world.run("app deployments web").run("env list web");
    let mut lists = vec!["server list", "db list", "job list", "job list --all", "proxy domains prod-1"];
    lists.extend(["app deployments web", "env list web", "job list --server prod-1", "job list --state failed"]);
    world.quiet(&["app", "destroy", "web", "--yes"]);
    world.quiet(&["server", "remove", "prod-1"]);
    for line in lists {
        let gone = line.contains("web") || line.contains("prod-1");
        let output = world.output(&words(&format!("{line} --json")), None);
        let empty: &[u8] = if gone { b"" } else { b"[]\n" };
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(if gone { 3 } else { 0 }), empty), "{line}");
    }
    assert_snapshot!(world.transcript());
}

/// Plays the worker that cannot reach the server: the command waits meanwhile.
fn unreachable(world: &World, line: &str) -> Output {
    let child = world.spawn(&mut world.command(&words(line)));
    let deadline = Instant::now() + Duration::from_secs(120);
    let asked = || {
        let filter = infrakt::store::jobs::Filter { alive: true, ..infrakt::store::jobs::Filter::default() };
        let jobs = world.db().read(|conn| infrakt::store::jobs::list(conn, &filter, infrakt::store::Page::all()));
        !jobs.unwrap().is_empty()
    };
    while !asked() {
        assert!(Instant::now() < deadline, "{line} asks for no job");
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let failure = Failure::transient(code::UNREACHABLE, "cannot connect to prod-1: the connection was refused");
    Hand::claim(world, 1).finish(&Ending::Failed { failure, serving: None });
    child.wait_with_output().unwrap()
}

#[test]
fn every_command_says_that_a_server_is_down() {
    let mut world = World::with_web();
    // Something to work on: deployed, as far as the home knows.
    world.quiet(&["app", "deploy", "web"]);
    Hand::claim(&world, 1).finish(&Ending::Succeeded);
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "redis", "--no-wait"]);
    Hand::claim(&world, 1).finish(&Ending::Succeeded);
    for line in [
        "server add prod-9 --host 127.0.0.1 --port 1 --yes",
        "server status prod-1",
        "server trust prod-1 --yes",
        "server edit prod-1 --port 2",
        "server ssh prod-1",
        "app logs web",
        "app logs main",
        "proxy status prod-1",
    ] {
        refuse(&mut world, line, 5);
    }
    for line in [
        "server provision prod-1 --wait",
        "app deploy web --wait",
        "app restart web",
        "app stop web",
        "app start web",
        "env push web",
        "proxy setup prod-1",
        "proxy add a.example --server prod-1 --port 80",
        "proxy reload prod-1",
        "db create other --server prod-1 --type mysql",
        "db destroy main --yes",
        "app destroy web --yes",
        "job retry 3 --wait",
    ] {
        let json = unreachable(&world, &format!("{line} --json"));
        assert_eq!(json.status.code(), Some(5), "{line}: {}", String::from_utf8_lossy(&json.stderr));
        let events: Vec<Value> = documents(&json.stdout, line);
        assert_eq!(events[0]["event"], "enqueued", "{line}");
        let last = events.last().unwrap();
        assert_eq!((&last["job"]["state"], &last["job"]["code"]), (&"failed".into(), &"unreachable".into()), "{line}");
        if line.starts_with("db create") {
            continue; // it stands there now
        }
        let output = unreachable(&world, line);
        assert_eq!(output.status.code(), Some(5), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        world.note(line, &output);
    }
    world.run("app list").run("db list").run("server list").run("proxy domains prod-1");
    assert_snapshot!(world.transcript());
}

/// A document, or one a line.
fn documents(stdout: &[u8], line: &str) -> Vec<Value> {
    if let Ok(one) = serde_json::from_slice(stdout) {
        return vec![one];
    }
    let text = std::str::from_utf8(stdout).unwrap();
    assert!(!text.is_empty(), "{line} prints nothing");
    text.lines().map(|one| serde_json::from_str(one).unwrap_or_else(|e| panic!("{line}: {e}: {one}"))).collect()
}

#[test]
fn what_every_command_prints_with_json_can_be_read() {
    let (world, sshd) = met();
    world.file("some.env", "A=1\nB=2\n");
    let add = add(&sshd, "--yes");
    // A deployment with everything, and a job that asks.
    let before = [
        "init",
        &add,
        "server list",
        "server show prod-1",
        "server edit prod-1 --provider lab",
        "server trust prod-1",
        "server status prod-1",
        "proxy status prod-1",
        "app create web --server prod-1 --image registry.example/web:1 --port 8080 --domain web.example.com",
        "app edit web --health /up",
        "app list",
        "app show web",
        "app deploy web",
    ];
    let after = [
        "app deployments web",
        "deployment show 1 --log",
        "job list --all",
        "job show 1",
        "job log 1",
        "job follow 1",
        "env set web K=V L=W",
        "env get web K",
        "env list web --show",
        "env import web some.env",
        "env export web",
        "env delete web K",
        "env push web --no-wait",
        "app restart web --no-wait",
        "app stop web --no-wait",
        "app start web --no-wait",
        "proxy setup prod-1 --no-wait",
        "proxy add a.example --server prod-1 --port 9000 --no-wait",
        "proxy domains prod-1",
        "proxy remove a.example --server prod-1 --no-wait",
        "proxy reload prod-1 --no-wait",
        "db create main --server prod-1 --type postgres --no-wait",
        "db list",
        "db url main",
        "db destroy main --yes --no-wait",
        "server provision prod-1",
        "job bump 2",
        "job cancel 2",
        "job retry 2 --no-wait",
        "key add ci --scope deploy",
        "key list",
        "key revoke ci",
        "ui",
        "doctor prod-1",
        "app destroy web --yes --no-wait",
        "app destroy web --local --yes",
    ];
    let end = ["job resolve 1 --fail", "server remove prod-1 --force"];
    let lines: Vec<&str> = before.iter().chain(&after).chain(&end).copied().collect();
    // What they print is the server's own.
    cover(&lines, &["server ssh", "app logs", "worker", "serve", "completions"]);
    let check = |line: &str| {
        let output = world.output(&words(&format!("{line} --json")), None);
        let fine = line.starts_with("doctor") || output.status.success();
        assert!(fine, "{line}: {:?} {}", output.status.code(), String::from_utf8_lossy(&output.stderr));
        documents(&output.stdout, line);
    };
    before.into_iter().for_each(check);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch"]).begin("fetch").log("half\n");
    hand.finish(&Ending::Succeeded);
    after.into_iter().for_each(check);
    // Of those that wait by now the first one begins, and asks.
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["packages"]).begin("packages");
    let id = world.quiet(&["job", "list", "--state", "running", "--json"]);
    let id = documents(&id.stdout, "job list")[0][0]["id"].as_i64().unwrap();
    hand.ask("nobody knows how far it came");
    check(&end[0].replace(" 1 ", &format!(" {id} ")));
    drop(sshd);
    check(end[1]);
}
