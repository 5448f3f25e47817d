//! How long each command takes that needs no server, and what it holds in memory, in a large home.

use crate::figures::{costs, heading, line, mib, ms};
use crate::support::cli::Home;
use crate::world::{SHA, START_MS, new_app, snapshot_of};
use infrakt::domain::server::NewServer;
use infrakt::queue::enqueue::{NewJob, enqueue};
use infrakt::store::{Conn, StoreError, apps, servers};

const SERVERS: usize = 1000;
const APPS: usize = 10_000;
const RUNS: usize = 21;
/// Jobs of one app, of which lists and logs tell.
const JOBS: usize = 50;

/// Milliseconds and MiB: of a command that shows one thing or little, and of one that prints every app.
const ONE: (f64, f64) = (10.0, 12.0);
const ALL: (f64, f64) = (100.0, 30.0);

const COMMANDS: &[(&str, (f64, f64))] = &[
    ("--version", ONE),
    ("--help", ONE),
    ("app deploy --help", ONE),
    ("completions bash", ONE),
    ("completions zsh", ONE),
    ("completions fish", ONE),
    ("init", ONE),
    ("server show server-500", ONE),
    ("app show app-5000 --offline", ONE),
    ("app deployments app-5000", ONE),
    ("deployment show 1", ONE),
    ("env list app-5000", ONE),
    ("env get app-5000 KEY", ONE),
    ("proxy domains server-500", ONE),
    ("db list", ONE),
    ("key list", ONE),
    ("job list", ONE),
    ("job list --all", ONE),
    ("job show 1", ONE),
    ("job log 1", ONE),
    ("server list", ALL),
    ("app list", ALL),
    ("app list --json", ALL),
];

pub fn run() {
    heading(&format!("start-up, {SERVERS} servers and {APPS} apps (medians of {RUNS} runs; time, peak memory)"));
    let home = large_home();
    home.run(&["env", "set", "app-5000", "KEY=value"]).ok();
    with_jobs(&home);
    let smallest = costs(RUNS, || std::process::Command::new("true"));
    line("`true`, the least that a process costs", &ms(smallest.time), &mib(smallest.peak_kib));
    for (words, aim) in COMMANDS {
        let args: Vec<&str> = words.split(' ').collect();
        let cost = costs(RUNS, || home.command(&args));
        let (took, peak) = (cost.time.as_secs_f64() * 1000.0, cost.peak_kib as f64 / 1024.0);
        let missed = if took > aim.0 || peak > aim.1 { ", missed" } else { "" };
        let beside = format!("{:<10} aim: {} ms, {} MiB{missed}", mib(cost.peak_kib), aim.0, aim.1);
        line(&format!("infrakt {words}"), &ms(cost.time), &beside);
    }
}

/// One app with deploys that wait and were replaced.
fn with_jobs(home: &Home) {
    let db = home.db();
    let app = db.read(|conn| apps::find_by_name(conn, "app-5000")).unwrap().remove(0);
    for n in 0..JOBS {
        let snapshot = snapshot_of(&app, &format!("{n}{SHA}"));
        let named = (app.id, app.name.as_str());
        let job = NewJob::deploy((app.server_id, &app.server_name), named, snapshot, "{}".to_owned(), "bench");
        db.write(|conn| enqueue(conn, START_MS, &job)).unwrap();
    }
}

/// A home with many servers and apps.
pub fn large_home() -> Home {
    let home = Home::new();
    home.run(&["init"]).ok();
    let each = APPS / SERVERS;
    home.db().write(|conn| (0..SERVERS).try_for_each(|n| add_server(conn, n, n * each..(n + 1) * each))).unwrap();
    home
}

/// A server with the apps of these numbers.
pub fn add_server(conn: &mut Conn, n: usize, numbers: std::ops::Range<usize>) -> Result<(), StoreError> {
    let server = NewServer {
        name: format!("server-{n}"),
        host: format!("server-{n}.example.com"),
        port: 22,
        user: "root".to_owned(),
        ssh_key_path: None,
        provider: Some("example".to_owned()),
        host_key: None,
    };
    let id = servers::insert(conn, START_MS, &server)?;
    numbers
        .into_iter()
        .try_for_each(|app| apps::insert(conn, START_MS, &new_app(&format!("app-{app}"), id)).map(|_| ()))
}
