//! Host keys and servers that do not answer as they should.

use crate::sshd::{Mode, TestSshd};
use infrakt::domain::failure::{Class, code};
use infrakt::domain::server::HostKey;
use infrakt::ssh::{ConnectError, Ssh, Target};

#[tokio::test]
async fn the_first_contact_reports_the_key_and_needs_no_login() {
    let sshd = TestSshd::start();
    sshd.set_host_keys(&["ed25519", "ecdsa", "rsa"]);
    let ssh = Ssh::with(sshd.settings());
    let target = Target { key_path: None, ..sshd.target() };
    let seen = ssh.host_key(&target).await.unwrap();
    assert!(["ed25519", "ecdsa", "rsa"].map(|t| sshd.host_key(t)).contains(&seen), "{seen}");
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    assert_eq!(connection.host_key(), seen);
    assert_eq!(ssh.counters().connections.get(), 1);
}

#[tokio::test]
async fn the_pinned_type_is_asked_for_whatever_the_server_prefers() {
    let sshd = TestSshd::start();
    sshd.set_host_keys(&["rsa", "ecdsa", "ed25519"]);
    let ssh = Ssh::with(sshd.settings());
    for key_type in ["ed25519", "ecdsa", "rsa"] {
        let pinned = sshd.host_key(key_type);
        let target = Target { pinned: Some(pinned.clone()), ..sshd.target() };
        assert_eq!(ssh.connect(&target).await.unwrap().host_key(), pinned);
    }
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_refused_and_both_are_named() {
    let sshd = TestSshd::start();
    let pinned = sshd.host_key("ed25519");
    sshd.set_host_keys(&["ed25519"]);
    let target = Target { pinned: Some(pinned.clone()), ..sshd.target() };
    let error = Ssh::with(sshd.settings()).connect(&target).await.err().unwrap();
    let seen = sshd.host_key("ed25519");
    assert_eq!(error, ConnectError::HostKeyChanged { pinned: pinned.clone(), seen: seen.clone() });
    let failure = error.failure("prod-1");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Permanent, code::HOST_KEY));
    assert!(failure.text.contains(&pinned.fingerprint) && failure.text.contains(&seen.fingerprint));
    assert!(failure.hint.unwrap().contains("`infrakt server trust prod-1`"));
}

#[tokio::test]
async fn a_server_without_a_key_of_the_pinned_type_has_changed() {
    let sshd = TestSshd::start();
    let pinned = sshd.host_key("ed25519");
    sshd.set_host_keys(&["ecdsa"]);
    let target = Target { pinned: Some(pinned.clone()), ..sshd.target() };
    let error = Ssh::with(sshd.settings()).connect(&target).await.err().unwrap();
    assert_eq!(error, ConnectError::HostKeyChanged { pinned, seen: sshd.host_key("ecdsa") });
}

#[tokio::test]
async fn without_a_pin_known_hosts_decides() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    let write = |mark: &str, key: &str| {
        let public = std::fs::read_to_string(sshd.path(key)).unwrap();
        let line = format!("{mark}[127.0.0.1]:{} {public}", sshd.addr.port());
        std::fs::write(sshd.path("me/.ssh/known_hosts"), line).unwrap();
    };
    write("", "host-ed25519.pub");
    assert_eq!(ssh.connect(&sshd.target()).await.unwrap().host_key(), sshd.host_key("ed25519"));

    write("@revoked ", "host-ed25519.pub");
    let error = ssh.connect(&sshd.target()).await.err().unwrap();
    assert!(matches!(&error, ConnectError::NotAsKnown { known, .. } if known.contains("revoked")), "{error}");

    write("", "id.pub");
    let error = ssh.host_key(&sshd.target()).await.err().unwrap();
    assert!(matches!(&error, ConnectError::NotAsKnown { seen, .. } if *seen == sshd.host_key("ed25519")), "{error}");
    assert_eq!(error.failure("s").code, code::HOST_KEY);

    // a pin stands above it
    let target = Target { pinned: Some(sshd.host_key("ed25519")), ..sshd.target() };
    assert!(ssh.connect(&target).await.is_ok());
}

#[tokio::test]
async fn a_known_key_of_another_type_is_asked_for() {
    let sshd = TestSshd::start();
    sshd.set_host_keys(&["ed25519", "rsa"]);
    let public = std::fs::read_to_string(sshd.path("host-rsa.pub")).unwrap();
    std::fs::write(sshd.path("me/.ssh/known_hosts"), format!("[127.0.0.1]:{} {public}", sshd.addr.port())).unwrap();
    let connection = sshd.connect().await;
    assert_eq!(connection.host_key(), sshd.host_key("rsa"));
}

fn check(error: ConnectError, expect: fn(&ConnectError) -> bool) {
    assert!(expect(&error), "{error:?}");
    let failure = error.failure("prod-1");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Transient, code::UNREACHABLE), "{failure:?}");
    assert!(failure.text.starts_with("cannot connect to prod-1: ") && failure.hint.is_some(), "{failure:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unreachable() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.impatient());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = Target { port: Some(free), ..sshd.target() };
    check(ssh.connect(&nobody).await.err().unwrap(), |e| matches!(e, ConnectError::Unreachable(_)));
    let nowhere = Target { host: "no-such-host.invalid".to_owned(), ..sshd.target() };
    let nowhere = ssh.connect(&nowhere).await.err().unwrap();
    check(nowhere, |e| matches!(e, ConnectError::Unreachable(_) | ConnectError::Timeout("connect")));
    assert_eq!(ssh.counters().connect_failures.get(), 2);
}

#[tokio::test]
async fn a_server_that_turns_away_or_says_nothing_is_told_apart() {
    let sshd = TestSshd::start();
    let (ssh, impatient) = (Ssh::with(sshd.settings()), Ssh::with(sshd.impatient()));
    sshd.faults.set(Mode::Refuse);
    check(ssh.connect(&sshd.target()).await.err().unwrap(), |e| *e == ConnectError::TurnedAway);
    for mode in [Mode::Mute, Mode::Stall] {
        sshd.faults.set(mode);
        let error = impatient.connect(&sshd.target()).await.err().unwrap();
        check(error, |e| *e == ConnectError::Timeout("the SSH greeting"));
        sshd.faults.cut();
    }
    sshd.faults.set(Mode::Ok);
    sshd.faults.cut_after(1_500); // within the handshake, behind the greeting
    check(ssh.connect(&sshd.target()).await.err().unwrap(), |e| matches!(e, ConnectError::Unreachable(_)));
    assert!(ssh.connect(&sshd.target()).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_a_host_or_a_user_never_reaches_a_command_line() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    for (host, user) in [("-oProxyCommand=x", "root"), ("a b", "root"), ("", "root"), ("a", "-l"), ("a", "")] {
        let target = Target { user: Some(user.to_owned()), ..Target::new(host) };
        assert!(matches!(ssh.resolve(&target).await, Err(ConnectError::BadTarget(_))), "{host} {user}");
    }
    let odd = HostKey { key_type: "ssh-nothing".to_owned(), fingerprint: "SHA256:x".to_owned() };
    let target = Target { pinned: Some(odd), ..sshd.target() };
    assert!(matches!(ssh.connect(&target).await, Err(ConnectError::HostKeyChanged { .. })));
}
