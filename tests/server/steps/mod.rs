//! What the wire format promises of steps, proven through the client on a real server with systemd: docs/formats.md, line by line.

mod basics;
mod cancelling;
mod ending;
mod lane;
mod line;
mod reboot;
mod refused;
mod secrets;
mod space;

use crate::support::server::TestServer;
use infrakt::ssh::{Connection, Settings, Ssh, Target, step_script_sha256};
use std::path::PathBuf;
use std::time::Duration;

/// A server, a client of it, and the client's first connection.
struct Bench {
    server: TestServer,
    ssh: Ssh,
    line: Connection,
}

impl Bench {
    /// A bare machine: systemd and sshd are all that steps need.
    async fn new(name: &str) -> Self {
        Self::on(TestServer::bare(name), Settings::default()).await
    }

    async fn on(server: TestServer, settings: Settings) -> Self {
        // an agent or configuration of whoever runs the tests has no part in them
        let settings = Settings { user_dir: Some(PathBuf::from("/nonexistent")), ..settings };
        let ssh = Ssh::with(settings);
        let line = ssh.connect(&target(&server, "root", server.port)).await.unwrap();
        Self { server, ssh, line }
    }

    /// A connection of its own.
    async fn connect(&self) -> Connection {
        self.login("root").await
    }

    async fn login(&self, user: &str) -> Connection {
        self.ssh.connect(&target(&self.server, user, self.server.port)).await.unwrap()
    }

    /// Through a proxy.
    fn through(&self, port: u16) -> Target {
        target(&self.server, "root", port)
    }

    /// What a script prints on the server; it must succeed.
    async fn sh(&self, script: &str) -> String {
        sh(&self.line, script, b"").await
    }

    /// SHA-256 of a step's log as it lies on the server.
    async fn log_sha256(&self, id: &str) -> String {
        self.sh(&format!("sha256sum </var/lib/infrakt/steps/{id}/log | cut -d' ' -f1")).await
    }

    /// Nothing of payloads or uploads is left.
    async fn assert_no_payload(&self) {
        assert_eq!(self.sh("ls /run/infrakt").await, "");
    }
}

async fn sh(line: &Connection, script: &str, stdin: &[u8]) -> String {
    let out = line.exec(script, stdin, Duration::from_secs(120)).await.unwrap();
    let text = String::from_utf8_lossy(&out.stdout).trim_end().to_owned();
    assert!(out.status.success(), "{script}: {:?}\n{text}\n{}", out.status, String::from_utf8_lossy(&out.stderr));
    text
}

fn target(server: &TestServer, user: &str, port: u16) -> Target {
    Target {
        port: Some(port),
        user: Some(user.to_owned()),
        key_path: Some(server.key.clone()),
        ..Target::new(server.host.clone())
    }
}

/// The step script's path on a server.
fn script_path() -> String {
    format!("/var/lib/infrakt/bin/infrakt-step-{}", &step_script_sha256()[..12])
}
