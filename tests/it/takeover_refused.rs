//! Homes of the first release that cannot be taken over: refused by name, with each file as it was.

use crate::first_release::{self, Release, database, files, run};
use crate::takeover::open;
use std::path::Path;

/// Refused, and each file as it was.
fn refused(dir: &Path) -> String {
    let before = files(dir);
    let error = open(dir).err().expect("it is refused");
    assert_eq!(files(dir), before, "{error}");
    let hint = error.hint().map(|hint| format!("\n  {hint}")).unwrap_or_default();
    format!("{error}{hint}\n").replace(&dir.display().to_string(), "HOME")
}

#[test]
fn what_cannot_be_taken_over_is_refused_by_name_and_left_as_it_is() {
    let mut said = String::new();
    let mut check = |what: &str, spoil: fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        first_release::home(dir.path(), Release::Newest);
        spoil(dir.path());
        said.push_str(&format!("{what}: {}", refused(dir.path())));
        assert!(!dir.path().join(format!("infrakt.db.before-{}", env!("CARGO_PKG_VERSION"))).exists());
    };
    check("no key", |dir| std::fs::remove_file(dir.join("master.key")).unwrap());
    check("another key", |dir| {
        first_release::write(&dir.join("master.key"), "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", 0o600)
    });
    check("no key in the file", |dir| first_release::write(&dir.join("master.key"), "no key", 0o600));
    check("a key for the database's values alone", |dir| {
        std::fs::remove_file(dir.join("master.key")).unwrap();
        std::fs::remove_file(dir.join("envs/1.json")).unwrap();
        std::fs::remove_file(dir.join("envs/42.json")).unwrap();
    });
    check("a missing column", |dir| run(&database(dir), "ALTER TABLE apps DROP COLUMN app_type"));
    check("a table of ours", |dir| run(&database(dir), "CREATE TABLE route (x)"));
    insta::assert_snapshot!(said);
}

#[test]
fn a_damaged_database_is_refused_and_left_as_it_is() {
    let good = tempfile::tempdir().unwrap();
    first_release::home(good.path(), Release::First);
    let log = "x".repeat(3000);
    for n in 0..40 {
        run(
            &database(good.path()),
            &format!(
                "INSERT INTO deployments (app_id, status, log, started_at) VALUES (1, 'success', '{n}{log}', '2025-06-01 10:00:00')"
            ),
        );
    }
    let bytes = std::fs::read(database(good.path())).unwrap();
    for (what, from, to) in [
        ("its end is missing", None, None),
        ("a page of it is scratched", Some(bytes.len() - 4096 * 3), Some(bytes.len() - 4096 * 2)),
    ] {
        let dir = tempfile::tempdir().unwrap();
        first_release::home(dir.path(), Release::First);
        let spoilt = match (from, to) {
            (Some(from), Some(to)) => {
                let mut spoilt = bytes.clone();
                spoilt[from..to].fill(0xa5);
                spoilt
            }
            _ => bytes[..bytes.len() / 2].to_vec(),
        };
        std::fs::write(database(dir.path()), spoilt).unwrap();
        let said = refused(dir.path());
        assert!(said.contains("HOME/infrakt.db is damaged"), "{what}: {said}");
    }
}
