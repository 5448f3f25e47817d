//! Logins: key files, encrypted ones, the agent, and refusals.

use crate::sshd::{TestSshd, keygen};
use infrakt::domain::failure::{Class, code};
use infrakt::domain::secret::Secret;
use infrakt::ssh::{ConnectError, Ssh, Target};
use std::path::PathBuf;
use std::process::Command;

fn with_key(sshd: &TestSshd, key: &str, passphrase: Option<&str>) -> Target {
    let passphrase = passphrase.map(|p| Secret::new(p.to_owned()));
    Target { key_path: Some(sshd.path(key)), passphrase, ..sshd.target() }
}

async fn error(sshd: &TestSshd, target: &Target) -> ConnectError {
    let error = Ssh::with(sshd.settings()).connect(target).await.err().expect("no login");
    let failure = error.failure("s");
    assert_eq!((failure.class, failure.code.as_str()), (Class::Permanent, code::LOGIN_REFUSED), "{failure:?}");
    error
}

#[tokio::test]
async fn key_files_of_all_types_log_in() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    for key_type in ["ed25519", "ecdsa", "rsa"] {
        keygen(&sshd.path(key_type), key_type, "");
        sshd.authorize(&[key_type]);
        let connection = ssh.connect(&with_key(&sshd, key_type, None)).await;
        assert!(connection.is_ok(), "{key_type}: {:?}", connection.err());
    }
}

#[tokio::test]
async fn an_encrypted_key_needs_its_passphrase() {
    let sshd = TestSshd::start();
    for key_type in ["ed25519", "rsa"] {
        let key = format!("locked-{key_type}");
        keygen(&sshd.path(&key), key_type, "open sesame");
        sshd.authorize(&[&key]);
        let connection = Ssh::with(sshd.settings()).connect(&with_key(&sshd, &key, Some("open sesame"))).await;
        assert!(connection.is_ok(), "{key_type}: {:?}", connection.err());

        let wrong = error(&sshd, &with_key(&sshd, &key, Some("wrong"))).await;
        let path = sshd.path(&key);
        assert_eq!(
            wrong,
            ConnectError::PassphraseNeeded { path: path.clone(), reason: "the passphrase does not open it" }
        );
        let none = error(&sshd, &with_key(&sshd, &key, None)).await;
        assert_eq!(none, ConnectError::PassphraseNeeded { path, reason: "needs its passphrase" });
        assert!(none.failure("s").hint.unwrap().contains("INFRAKT_SSH_PASSPHRASE"));
    }
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_refused() {
    let sshd = TestSshd::start();
    for key_type in ["ed25519", "rsa"] {
        keygen(&sshd.path(key_type), key_type, "");
        let refused = error(&sshd, &with_key(&sshd, key_type, None)).await;
        let offered = format!("offered: `{}`", sshd.path(key_type).display());
        assert_eq!(refused, ConnectError::LoginRefused { user: sshd.user.clone(), offered });
    }
}

#[tokio::test]
async fn a_file_that_is_no_private_key_is_named() {
    let sshd = TestSshd::start();
    let text = std::fs::read_to_string(sshd.path("id")).unwrap();
    std::fs::write(sshd.path("cut"), &text[..text.len() / 2]).unwrap();
    std::fs::write(sshd.path("text"), "hello").unwrap();
    for (key, why) in [
        ("missing", "there is no such file"),
        ("id.pub", "it is a public key"),
        ("text", "it is no private key"),
        ("cut", ""),
    ] {
        match error(&sshd, &with_key(&sshd, key, None)).await {
            ConnectError::BadKey { path, reason } => {
                assert!(path == sshd.path(key) && reason.contains(why), "{reason}")
            }
            other => panic!("{key}: {other:?}"),
        }
    }
    assert_eq!(sshd.faults.connections.load(std::sync::atomic::Ordering::SeqCst), 4);
}

#[tokio::test]
async fn without_a_key_the_usual_files_are_tried() {
    let sshd = TestSshd::start();
    let target = Target { key_path: None, ..sshd.target() };
    let nothing = error(&sshd, &target).await;
    assert!(
        matches!(&nothing, ConnectError::LoginRefused { offered, .. } if offered.contains("no key to offer")),
        "{nothing}"
    );

    keygen(&sshd.path("me/.ssh/id_ed25519"), "ed25519", "locked");
    let locked = error(&sshd, &target).await;
    assert!(matches!(&locked, ConnectError::PassphraseNeeded { .. }), "{locked}");

    keygen(&sshd.path("me/.ssh/id_rsa"), "rsa", "");
    let refused = error(&sshd, &target).await;
    assert!(
        matches!(&refused, ConnectError::LoginRefused { offered, .. } if offered.contains("id_rsa` ") || offered.contains("id_rsa`;")),
        "{refused}"
    );
    assert!(refused.to_string().contains("id_ed25519` is encrypted and needs its passphrase"), "{refused}");

    sshd.authorize(&["me/.ssh/id_rsa"]);
    assert!(Ssh::with(sshd.settings()).connect(&target).await.is_ok());

    sshd.authorize(&["me/.ssh/id_ed25519"]);
    let target = Target { passphrase: Some(Secret::new("locked".to_owned())), ..target };
    assert!(Ssh::with(sshd.settings()).connect(&target).await.is_ok());
}

#[tokio::test]
async fn a_leading_tilde_is_the_users_home() {
    let sshd = TestSshd::start();
    std::fs::copy(sshd.path("id"), sshd.path("me/key")).unwrap();
    let target = Target { key_path: Some(PathBuf::from("~/key")), ..sshd.target() };
    assert!(Ssh::with(sshd.settings()).connect(&target).await.is_ok());
}

/// libssh2 finds the agent by the environment, which a running test must not change: the test runs itself again with the agent's.
#[test]
fn the_agent_opens_what_is_loaded_into_it() {
    if std::env::var_os("INFRAKT_TEST_AGENT").is_some() {
        return tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(with_an_agent());
    }
    let dir = tempfile::tempdir().unwrap();
    again_with(
        "keys::the_agent_opens_what_is_loaded_into_it",
        Command::new("ssh-agent").arg("-a").arg(dir.path().join("a")),
    );
}

/// Runs one test of this program in the environment that a command makes.
fn again_with(test: &str, environment: &mut Command) {
    let program = std::env::current_exe().unwrap();
    let out = environment
        .arg(program)
        .args(["--exact", test, "--nocapture"])
        .env("INFRAKT_TEST_AGENT", "1")
        .output()
        .unwrap();
    assert!(out.status.success(), "{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
}

fn ssh_add(sshd: &TestSshd, key: &str, askpass: &str) {
    sshd.shim("askpass", &format!("echo '{askpass}'"));
    let mut add = Command::new("ssh-add");
    add.arg("-q").arg(sshd.path(key)).env("SSH_ASKPASS", sshd.path("bin/askpass")).env("SSH_ASKPASS_REQUIRE", "force");
    assert!(add.status().unwrap().success());
}

async fn with_an_agent() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    let by_agent = Target { key_path: None, ..sshd.target() };
    let nothing = error(&sshd, &by_agent).await;
    assert!(nothing.to_string().contains("no key to offer"), "{nothing}");

    keygen(&sshd.path("stranger"), "ed25519", "");
    ssh_add(&sshd, "stranger", "");
    let refused = error(&sshd, &by_agent).await;
    assert!(refused.to_string().contains("`test` of the agent"), "{refused}");

    ssh_add(&sshd, "id", "");
    assert!(ssh.connect(&by_agent).await.is_ok(), "the second key of the agent");

    // an encrypted file: the agent has its key, and only that one is offered
    keygen(&sshd.path("locked"), "ecdsa", "sesame");
    let locked = with_key(&sshd, "locked", None);
    assert!(matches!(error(&sshd, &locked).await, ConnectError::PassphraseNeeded { .. }));
    ssh_add(&sshd, "locked", "sesame");
    assert!(matches!(error(&sshd, &locked).await, ConnectError::LoginRefused { .. }));
    sshd.authorize(&["locked"]);
    assert!(ssh.connect(&locked).await.is_ok());
}

#[test]
fn an_agent_that_never_answers_holds_up_nobody_else() {
    if std::env::var_os("INFRAKT_TEST_AGENT").is_some() {
        return tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(beside_a_mute_agent());
    }
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("a");
    let _mute = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    again_with(
        "keys::an_agent_that_never_answers_holds_up_nobody_else",
        Command::new("env").env("SSH_AUTH_SOCK", socket),
    );
}

async fn beside_a_mute_agent() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    let by_agent = Target { key_path: None, ..sshd.target() };
    let hanging = ssh.connect(&by_agent);
    let other = async {
        let connection = ssh.connect(&sshd.target()).await.unwrap();
        // the one that hangs has come as far as the agent by the time it is accepted
        while sshd.faults.connections.load(std::sync::atomic::Ordering::SeqCst) < 2 {
            connection.alive().await.unwrap();
        }
        connection.exec("true", b"", std::time::Duration::from_secs(60)).await.unwrap();
    };
    tokio::select! {
        result = hanging => panic!("{:?}", result.err()),
        () = other => {}
    }
}
