//! The user's SSH configuration: aliases, and servers behind another one.

use crate::sshd::TestSshd;
use infrakt::ssh::{ConnectError, Ssh, Target, Via};
use std::time::Duration;

fn configure(inner: &TestSshd, jump: &TestSshd, proxy: &str) {
    let text = format!(
        "Host web\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  {proxy}\n\
         Host jump\n  HostName 127.0.0.1\n  Port {}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n\
         Host *\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n",
        inner.addr.port(),
        inner.user,
        inner.path("id").display(),
        jump.addr.port(),
        jump.user,
        jump.path("id").display(),
    );
    std::fs::write(inner.path("me/.ssh/config"), text).unwrap();
}

async fn check_connection(inner: &TestSshd, target: &Target) {
    let connection = Ssh::with(inner.settings()).connect(target).await.unwrap();
    assert_eq!(connection.host_key(), inner.host_key("ed25519"));
    // several channels at once over a socket that counts no bytes
    let all = (0..12).map(|i| {
        let connection = connection.clone();
        async move {
            let cmd = format!("head -c {} /dev/zero; cat", 400_000 + i);
            let out = connection.exec(&cmd, &vec![b'x'; 100_000], Duration::from_secs(60)).await.unwrap();
            assert_eq!(out.stdout.len(), 500_000 + i);
        }
    });
    futures_util::future::join_all(all).await;
}

#[tokio::test]
async fn an_alias_supplies_what_the_flags_do_not() {
    let (inner, jump) = (TestSshd::start(), TestSshd::start());
    configure(&inner, &jump, "");
    let ssh = Ssh::with(inner.settings());
    let resolved = ssh.resolve(&Target::new("web")).await.unwrap();
    assert_eq!((resolved.host.as_str(), resolved.port, resolved.via), ("127.0.0.1", inner.addr.port(), Via::Tcp));
    assert_eq!((resolved.user, resolved.key_files), (inner.user.clone(), vec![inner.path("id")]));
    let flags =
        Target { port: Some(7), user: Some("bob".to_owned()), key_path: Some("/k".into()), ..Target::new("web") };
    let resolved = ssh.resolve(&flags).await.unwrap();
    assert_eq!((resolved.port, resolved.user.as_str(), resolved.key_files), (7, "bob", vec!["/k".into()]));
    let other = ssh.resolve(&Target::new("elsewhere")).await.unwrap();
    assert_eq!((other.host.as_str(), other.port, other.user.as_str()), ("elsewhere", 22, "root"));
    check_connection(&inner, &Target::new("web")).await;
}

#[tokio::test]
async fn a_server_behind_a_jump_host_is_reached() {
    let (inner, jump) = (TestSshd::start(), TestSshd::start());
    configure(&inner, &jump, "ProxyJump jump");
    check_connection(&inner, &Target::new("web")).await;
    assert_eq!(jump.faults.connections.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[tokio::test]
async fn two_hops_lead_there_too() {
    let (inner, jump) = (TestSshd::start(), TestSshd::start());
    let hop = format!("ProxyJump jump,{}@127.0.0.1:{}", jump.user, jump.addr.port());
    configure(&inner, &jump, &hop);
    let mut text = std::fs::read_to_string(inner.path("me/.ssh/config")).unwrap();
    text.push_str(&format!("  IdentityFile {}\n", jump.path("id").display()));
    std::fs::write(inner.path("me/.ssh/config"), text).unwrap();
    check_connection(&inner, &Target::new("web")).await;
    assert_eq!(jump.faults.connections.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_proxy_command_carries_the_connection() {
    let (inner, jump) = (TestSshd::start(), TestSshd::start());
    let config = inner.path("me/.ssh/config");
    configure(&inner, &jump, &format!("ProxyCommand ssh -F {} -W %h:%p jump", config.display()));
    check_connection(&inner, &Target::new("web")).await;
}

#[tokio::test]
async fn a_jump_host_that_fails_says_why() {
    let (inner, jump) = (TestSshd::start(), TestSshd::start());
    configure(&inner, &jump, "ProxyJump jump");
    jump.authorize(&[]);
    let error = Ssh::with(inner.settings()).connect(&Target::new("web")).await.err().unwrap();
    assert!(
        matches!(&error, ConnectError::Unreachable(why) if why.contains("through the jump host") && why.contains("denied")),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_configuration_that_openssh_refuses_is_named() {
    let inner = TestSshd::start();
    std::fs::write(inner.path("me/.ssh/config"), "Nonsense yes\n").unwrap();
    let error = Ssh::with(inner.settings()).resolve(&Target::new("web")).await.unwrap_err();
    assert!(matches!(&error, ConnectError::Local(why) if why.contains("ssh -G")), "{error:?}");
}
