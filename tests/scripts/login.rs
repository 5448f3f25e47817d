//! What is asked of a login that is not root's: why sudo refuses, in its own words.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// The reason that is told where sudo says this.
fn reason(sudo_says: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let program = |name: &str, body: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    program("id", "echo 1000");
    program("sudo", "printf '%s\\n' \"$SAYS\" >&2; exit 1");
    let script = include_str!("../../src/ops/reads/login.sh");
    let own_path = format!("PATH={}:/usr/local/sbin:", dir.path().display());
    assert!(script.contains("PATH=/usr/local/sbin:"));
    let script = script.replacen("PATH=/usr/local/sbin:", &own_path, 1);
    let output = Command::new("sh").args(["-c", &script]).env("SAYS", sudo_says).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = said.lines().find_map(|line| line.strip_prefix("@root\tno\t"));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn a_hostname_that_does_not_resolve_hides_no_reason() {
    let no_host = "sudo: unable to resolve host prod-1: Name or service not known";
    for expected in ["sudo: sorry, you must have a tty to run sudo", "sudo: a password is required"] {
        for said in [format!("{no_host}\n{expected}"), format!("{expected}\n{no_host}"), expected.to_owned()] {
            assert_eq!(reason(&said), expected, "{said}");
        }
    }
    assert_eq!(reason(no_host), no_host, "where it says nothing else");
}
