//! Homes of the first release that cannot be taken over: refused by name, with each file as it was.

use crate::first_release::{self, Release, database, files, run};
use crate::takeover::open;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Runs a test of this file on a disk of its own, which nobody else sees and which goes with the process.
fn on_a_small_disk(child: &str) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    // SAFETY: it only reads a number of this process.
    if unsafe { libc::geteuid() } != 0 {
        command.arg("--map-root-user");
    }
    let output = command
        .arg("--mount")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("takeover_refused::{child}"), "--nocapture"])
        .env("INFRAKT_TEST_DISK", dir.path())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// In the process on the small disk: where it is mounted; none in any other, where there is nothing to fill.
fn small_disk() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("INFRAKT_TEST_DISK")?);
    mount(&dir, "size=4m");
    Some(dir)
}

fn mount(dir: &Path, options: &str) {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(dir).status().unwrap();
    assert!(mounted.success(), "{options}");
}

#[test]
fn on_a_full_disk_a_home_stays_as_it_is_until_there_is_room() {
    on_a_small_disk("child_on_a_full_disk");
}

/// The child of the test above: with a little more room each time, each part of the taking over meets the end of the disk.
#[test]
fn child_on_a_full_disk() {
    let Some(disk) = small_disk() else { return };
    let home = disk.join("home");
    first_release::home(&home, Release::Newest);
    let before = files(&home);
    let mut ballast = std::fs::File::create(disk.join("ballast")).unwrap();
    while ballast.write_all(&[0; 1024]).is_ok() {}
    let mut length = ballast.metadata().unwrap().len();
    let (mut refused, mut late) = (0, 0);
    let service = loop {
        match open(&home) {
            Ok(service) => break service,
            Err(error) => {
                let said = error.to_string();
                assert!(said.contains("is full") || said.contains("no space left"), "{length}: {said}");
                let after = files(&home);
                // What is beside the change of the database comes behind it: then the next command goes on from there.
                if after.keys().any(|name| name.to_string_lossy().contains(".before-")) {
                    late += 1;
                } else {
                    assert_eq!(after, before, "{length}: {said}");
                    refused += 1;
                }
            }
        }
        length -= 4096;
        ballast.set_len(length).unwrap();
    };
    println!("refused {refused} times as it was, and {late} times when it was taken over");
    assert!(refused > 3);
    assert!(late > 0 || service.taken_over().is_some());
    service.db().check().unwrap();
}

#[test]
fn on_a_disk_that_cannot_be_written_a_home_is_refused_by_name() {
    on_a_small_disk("child_on_a_disk_that_cannot_be_written");
}

/// The child of the test above.
#[test]
fn child_on_a_disk_that_cannot_be_written() {
    let Some(disk) = small_disk() else { return };
    let home = disk.join("home");
    first_release::home(&home, Release::Newest);
    for prepared in [false, true] {
        if prepared {
            infrakt::config::Home::at(&home).prepare().unwrap();
        }
        mount(&disk, "remount,ro");
        let said = refused(&home);
        assert!(said.contains("HOME/") && said.contains("read-only"), "{said}");
        println!("{said}");
        mount(&disk, "remount,rw");
    }
    assert!(open(&home).unwrap().taken_over().is_some());
}
