//! How long a command takes that needs no server, and what it holds in memory, in a large home.

use crate::figures::{costs, heading, line, mib, ms};
use crate::support::cli::Home;
use crate::world::{START_MS, new_app};
use infrakt::domain::server::NewServer;
use infrakt::store::{Conn, StoreError, apps, servers};

const SERVERS: usize = 1000;
const APPS: usize = 10_000;
const RUNS: usize = 21;

pub fn run() {
    heading(&format!("start-up, {SERVERS} servers and {APPS} apps (medians of {RUNS} runs; time, peak memory)"));
    let home = large_home();
    let smallest = costs(RUNS, || std::process::Command::new("true"));
    line("`true`, the least that a process costs", &ms(smallest.time), &mib(smallest.peak_kib));
    for (args, aim) in [
        (&["--version"][..], "aim: 10 ms, 12 MiB"),
        (&["app", "show", "app-5000"][..], ""),
        (&["job", "list"][..], ""),
        (&["server", "list"][..], ""),
        (&["app", "list"][..], "aim: 100 ms, 30 MiB"),
        (&["app", "list", "--json"][..], ""),
    ] {
        let cost = costs(RUNS, || home.command(args));
        line(&format!("infrakt {}", args.join(" ")), &ms(cost.time), &format!("{:<10} {aim}", mib(cost.peak_kib)));
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
