//! The first command in a home of the first release: what it says, and what is true whenever it is killed.

use crate::first_release::{self, Release, database, dump, run, tables, texts};
use crate::world::World;
use insta::assert_snapshot;
use std::path::Path;
use std::time::Instant;

fn taken_over() -> World {
    let world = World::alone();
    first_release::home(&world.home(), Release::First);
    world
}

#[test]
fn the_first_command_says_it_once_and_all_is_there() {
    let mut world = taken_over();
    world.run("app list").run("server list").run("app list --json").run("app deployments web --server prod-1");
    world.run("env list web --server prod-1 --show").run("env list web").run("deployment show 2 --log");
    world.run("app deploy shop").run("app deploy cache").run("app deploy old");
    world.run("server provision \"my server; x\"");
    let said = world.transcript().replace(env!("CARGO_PKG_VERSION"), "VERSION");
    // How long the one took that was ended now: since the day that its row says.
    let since =
        |line: &str| line.starts_with("1| 2  failed").then(|| "1| 2  failed  -  -  SINCE THEN  2025-06-01".to_owned());
    let lines: Vec<String> = said.lines().map(|line| since(line).unwrap_or_else(|| line.to_owned())).collect();
    assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_home_that_is_not_taken_over_is_named() {
    let mut world = taken_over();
    std::fs::remove_file(world.home().join("master.key")).unwrap();
    world.run("app list");
    first_release::write(&world.home().join("master.key"), first_release::KEY, 0o600);
    let bytes = std::fs::read(database(&world.home())).unwrap();
    std::fs::write(database(&world.home()), &bytes[..bytes.len() - 4096]).unwrap();
    world.run("app list --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn of_many_first_commands_at_once_one_takes_over_and_all_see_the_same() {
    let world = taken_over();
    enlarge(&world.home());
    let all: Vec<_> = (0..6).map(|_| world.spawn(&mut world.command(&["app", "list", "--json"]))).collect();
    let outputs: Vec<_> = all.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    for output in &outputs {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout, outputs[0].stdout);
    }
    let said = outputs.iter().filter(|output| String::from_utf8_lossy(&output.stderr).contains("took ")).count();
    assert_eq!(said, 1);
    let copies = std::fs::read_dir(world.home())
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("infrakt.db.before-"));
    assert_eq!(copies.count(), 1);
    assert!(!world.home().join("run/takeover").exists());
}

/// So much that a taking over lasts long enough to be killed in the middle.
fn enlarge(home: &Path) {
    run(
        &database(home),
        "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 899)
         INSERT INTO deployments (id, app_id, status, log, started_at, finished_at)
         SELECT i, 1, 'success', hex(zeroblob(5000)), '2025-06-01 10:00:00', '2025-06-01 10:00:01.000001' FROM n",
    );
}

/// At each of many moments: what is found afterwards is the old home or the new one, and the next command makes it the new one.
#[test]
fn a_process_that_is_killed_leaves_the_old_home_or_the_new_one() {
    let world = World::alone();
    let (home, kept) = (world.home(), world.file("kept", ""));
    std::fs::remove_file(&kept).unwrap();
    first_release::home(&home, Release::Newest);
    enlarge(&home);
    let old = dump(&database(&home));
    std::fs::rename(&home, &kept).unwrap();

    fresh(&kept, &home);
    let began = Instant::now();
    world.quiet(&["app", "list"]);
    let lasts = began.elapsed();
    let new = after(&home);

    let (mut as_before, mut as_after) = (0, 0);
    const TIMES: u32 = 12;
    for n in 0..TIMES {
        fresh(&kept, &home);
        let mut child = world.spawn(&mut world.command(&["app", "list"]));
        std::thread::park_timeout(lasts * n / TIMES);
        let _ = child.kill();
        child.wait().unwrap();
        // Another program's eyes: it rolls back what was not committed, as the first release's own would.
        if tables(&database(&home)).contains(&"meta".to_owned()) {
            as_after += 1;
            assert_eq!(after(&home), new, "killed after {:?}", lasts * n / TIMES);
        } else {
            as_before += 1;
            assert!(dump(&database(&home)) == old, "killed after {:?}", lasts * n / TIMES);
            assert!(home.join("envs/42.json").exists());
        }
        world.quiet(&["app", "list"]);
        assert_eq!(after(&home), new, "and then once more");
        assert!(home.join("envs/orphaned/42.json").exists());
        assert!(!home.join("run/takeover").exists());
        let copies = std::fs::read_dir(&home)
            .unwrap()
            .flatten()
            .filter(|e| e.file_name().to_string_lossy().contains(".before-"));
        assert_eq!(copies.count(), 1, "killed after {:?}", lasts * n / TIMES);
    }
    println!("{as_before} found as before, {as_after} taken over, of one that lasts {lasts:?}");
    assert!(as_before > 0);
}

/// What a taken-over home has, but for its own uuid and the moment.
fn after(home: &Path) -> String {
    let db = database(home);
    let mut out = Vec::new();
    for table in [
        "servers",
        "apps",
        "deployments",
        "app_ext",
        "server_ext",
        "route",
        "deployment_ext",
        "server_tags",
        "sqlite_sequence",
    ] {
        let columns = first_release::columns(&db, table).into_iter().filter(|c| c != "finished_at").collect::<Vec<_>>();
        out.extend(first_release::rows(&db, table, &columns));
    }
    out.extend(texts(&db, "SELECT key AS t FROM meta ORDER BY key"));
    out.extend(texts(&db, "SELECT integrity_check AS t FROM pragma_integrity_check"));
    out.join("\n")
}

fn fresh(kept: &Path, home: &Path) {
    let _ = std::fs::remove_dir_all(home);
    let copied = std::process::Command::new("cp").arg("-a").arg(kept).arg(home).status().unwrap();
    assert!(copied.success());
}
