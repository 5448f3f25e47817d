//! `server add|status|trust` against a real sshd.

use crate::sshd::{TestSshd, keygen};
use crate::terminal::{rest, start, terminal, wait_for};
use crate::world::{World, words};
use insta::assert_snapshot;
use std::io::Write;

/// A home, and a server that takes the key `id`; what differs in each run has a name in the transcript.
pub fn met() -> (World, TestSshd) {
    let mut world = World::new();
    let sshd = TestSshd::start();
    name_things(&mut world, &sshd);
    (world, sshd)
}

fn name_things(world: &mut World, sshd: &TestSshd) {
    world.name(sshd.host_key("ed25519").fingerprint, "SHA256:FIRST");
    world.name(format!("127.0.0.1:{}", sshd.addr.port()), "127.0.0.1:PORT");
    world.name(format!("--port {}", sshd.addr.port()), "--port PORT");
    world.name(format!("\"port\": {}", sshd.addr.port()), "\"port\": PORT");
    world.name(sshd.dir.path().display().to_string(), "SSHD");
    world.name(format!("  {}  {}", sshd.user, sshd.addr.port()), "  USER  PORT");
    world.name(format!("{}@", sshd.user), "USER@");
    world.name(format!("`{}`", sshd.user), "`USER`");
    world.name(format!("--user {}", sshd.user), "--user USER");
}

pub fn add(sshd: &TestSshd, flags: &str) -> String {
    let key = sshd.path("id");
    let (port, user) = (sshd.addr.port(), &sshd.user);
    format!("server add prod-1 --host 127.0.0.1 --port {port} --user {user} --key {} {flags}", key.display())
}

#[test]
fn a_server_is_added_when_its_key_is_agreed_to() {
    let (mut world, sshd) = met();
    let fingerprint = sshd.host_key("ed25519").fingerprint;
    world
        .run(&add(&sshd, ""))
        .run(&add(&sshd, "--fingerprint SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
        .run("server list")
        .run(&add(&sshd, &format!("--fingerprint {fingerprint}")))
        .run(&add(&sshd, "--yes"))
        .run("server show prod-1");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_login_that_is_refused_records_nothing() {
    let (mut world, sshd) = met();
    keygen(&sshd.path("other"), "ed25519", "");
    sshd.authorize(&["other"]);
    world.run(&add(&sshd, "--yes")).run(&add(&sshd, "--yes").replace("/id ", "/none ")).run("server list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_status_is_fresh_and_complete() {
    let (world, sshd) = met();
    world.quiet(&words(&add(&sshd, "--yes")).iter().map(String::as_str).collect::<Vec<_>>());
    let output = world.quiet(&["server", "status", "prod-1", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(status["name"], "prod-1");
    for key in ["host", "load", "cpu", "memory", "disk", "uptime_s", "containers", "services"] {
        assert!(!status[key].is_null(), "{key} in {status}");
    }
    for key in ["cpu", "memory", "disk"] {
        for part in ["total", "used", "free", "percent"] {
            assert!(status[key][part].is_number(), "{key}.{part} in {status}");
        }
    }
    for service in ["docker", "caddy", "ufw", "fail2ban"] {
        assert!(status["services"][service]["state"].is_string(), "{service} in {status}");
    }
    assert!(status["memory"]["total"].as_u64().unwrap() > 0);
    let text = String::from_utf8(world.quiet(&["server", "status", "prod-1"]).stdout).unwrap();
    for word in ["server", "uptime", "load", "memory", "disk", "docker"] {
        assert!(text.lines().any(|line| line.starts_with(word)), "{word} in {text}");
    }
}

#[test]
fn another_host_key_is_refused_until_it_is_trusted() {
    let (mut world, sshd) = met();
    world.run(&add(&sshd, "--yes"));
    sshd.set_host_keys(&["ed25519"]);
    let second = sshd.host_key("ed25519").fingerprint;
    world.name(second.clone(), "SHA256:SECOND");
    world
        .run("server status prod-1")
        .run("server trust prod-1")
        .run("server trust prod-1 --yes")
        .run("server trust prod-1")
        .run(&format!("server trust prod-1 --fingerprint {second}"))
        .run("server trust prod-1 --fingerprint SHA256:THIRD")
        .run("server show prod-1");
    assert_snapshot!(world.transcript());
    world.quiet(&["server", "status", "prod-1"]);
}

#[test]
fn a_key_that_is_asked_about_is_pinned_by_yes_alone() {
    for (answer, status) in [("n\n", Some(1)), ("\n", Some(1)), ("y\n", Some(0))] {
        let (world, sshd) = met();
        let (mut ours, theirs) = terminal();
        let mut child = start(&mut world.command(&words(&add(&sshd, ""))), theirs);
        let mut seen = String::new();
        wait_for(&mut ours, &mut seen, "is this the right key? [y/N] ");
        assert!(seen.contains(&sshd.host_key("ed25519").fingerprint), "{seen}");
        ours.write_all(answer.as_bytes()).unwrap();
        rest(&mut ours, &mut seen);
        assert_eq!(child.wait().unwrap().code(), status, "{answer:?}: {seen}");
        let there = world.output(&words("server show prod-1"), None).status.success();
        assert_eq!(there, status == Some(0));
    }
}

#[test]
fn the_passphrase_of_a_key_is_asked_for_and_not_shown() {
    let (mut world, sshd) = met();
    keygen(&sshd.path("locked"), "ed25519", "open sesame");
    sshd.authorize(&["locked"]);
    let line = add(&sshd, "--yes").replace("/id ", "/locked ");
    world.run(&line);
    let without = world.transcript();
    assert!(without.contains("is encrypted"), "{without}");

    let (mut ours, theirs) = terminal();
    let mut child = start(&mut world.command(&words(&line)), theirs);
    let mut seen = String::new();
    wait_for(&mut ours, &mut seen, "passphrase of the private key: ");
    ours.write_all(b"open sesame\n").unwrap();
    rest(&mut ours, &mut seen);
    assert!(child.wait().unwrap().success(), "{seen}");
    assert!(!seen.contains("sesame"), "{seen}");

    let mut command = world.command(&words("server status prod-1"));
    let output = command.env("INFRAKT_SSH_PASSPHRASE", "open sesame").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_job_that_meets_another_host_key_waits_and_says_so() {
    let (mut world, sshd) = met();
    world.quiet(&words(&add(&sshd, "--yes")).iter().map(String::as_str).collect::<Vec<_>>());
    world.app("web", "prod-1");
    sshd.set_host_keys(&["ed25519"]);
    world.name(sshd.host_key("ed25519").fingerprint, "SHA256:SECOND");
    world.leave();
    world.run("app deploy web --wait");
    world
        .run("job list")
        .run("server list")
        .run("job cancel 1")
        .run("server trust prod-1 --yes")
        .run("server list --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn an_edit_is_tried_before_it_is_recorded() {
    let (mut world, sshd) = met();
    world.quiet(&words(&add(&sshd, "--yes")).iter().map(String::as_str).collect::<Vec<_>>());
    let other = TestSshd::start();
    world.name(other.host_key("ed25519").fingerprint, "SHA256:SECOND");
    world.name(format!("--port {}", other.addr.port()), "--port OTHER");
    world.name(format!("\"port\": {}", other.addr.port()), "\"port\": OTHER");
    world.name(format!("localhost:{}", sshd.addr.port()), "localhost:PORT");
    world.name(format!("localhost:{}", other.addr.port()), "localhost:OTHER");
    let key = sshd.path("id").display().to_string();
    world
        .run(&format!("server edit prod-1 --port {}", other.addr.port()))
        .run("server edit prod-1 --port 1")
        .run(&format!("server edit prod-1 --host localhost --port {} --key {key}", sshd.addr.port()))
        .run(&format!("server edit prod-1 --port {} --offline", other.addr.port()))
        .run("server status prod-1");
    assert_snapshot!(world.transcript());
}

#[test]
fn the_systems_ssh_gets_key_port_user_and_the_pinned_host_key() {
    let (mut world, sshd) = met();
    let by_key = |world: &World| world.home().join("run/known-1");
    world.quiet(&words(&add(&sshd, "--offline")).iter().map(String::as_str).collect::<Vec<_>>());
    world.run("server ssh prod-1 -- echo \"a  b\" ; exit 7");
    world.run("server ssh prod-1 -- cat").run("server show prod-1");
    let known = std::fs::read_to_string(by_key(&world)).unwrap();
    assert!(known.starts_with("infrakt-prod-1 ssh-ed25519 AAAA"), "{known}");
    sshd.set_host_keys(&["ed25519"]);
    world.name(sshd.host_key("ed25519").fingerprint, "SHA256:SECOND");
    world.run("server ssh prod-1 -- true");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_that_answers_is_not_removed_while_it_works() {
    let (mut world, sshd) = met();
    world.quiet(&words(&add(&sshd, "--yes")).iter().map(String::as_str).collect::<Vec<_>>());
    world.app("web", "prod-1").quiet(&["app", "deploy", "web"]);
    world.run("server remove prod-1 --force");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_route_whose_server_shows_another_key_waits_and_goes_with_its_job() {
    let (mut world, sshd) = met();
    world.quiet(&words(&add(&sshd, "--yes")).iter().map(String::as_str).collect::<Vec<_>>());
    sshd.set_host_keys(&["ed25519"]);
    world.name(sshd.host_key("ed25519").fingerprint, "SHA256:SECOND");
    world.leave();
    world
        .run("proxy add a.example.com --server prod-1 --port 9000")
        .run("proxy add b.example.com --server prod-1 --port 9001 --json")
        .run("proxy domains prod-1")
        .run("job cancel 1")
        .run("proxy domains prod-1");
    assert_snapshot!(world.transcript());
}
