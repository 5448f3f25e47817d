//! A real server for one test: Debian with systemd, sshd and (kind `ready`) docker, caddy, a registry and git repositories.
//!
//! The work is done by `scripts/testserver`; its head says what is on the two kinds. A test owns its server alone and
//! breaks it as it likes: a new one takes three seconds. Fits for parallel tests and processes: [`AT_ONCE`] servers live
//! at a time, further tests wait for a place. `Drop` removes the server, also when the test fails.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Servers that live at the same time: each boots systemd and a dockerd, and the small machines of CI have two cores.
const AT_ONCE: usize = 2;

/// How long something that a test waits for on a server may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reboot {
    /// The power is cut.
    Hard,
    /// `systemctl reboot`.
    Soft,
}

#[derive(Debug)]
pub struct TestServer {
    pub name: String,
    pub host: String,
    pub port: u16,
    /// Where the server's ports 80 and 443 are reached.
    pub http_port: u16,
    pub https_port: u16,
    /// The private key that root, `admin` (passwordless sudo) and `plain` (no sudo) accept.
    pub key: PathBuf,
    _place: File,
}

impl TestServer {
    /// A machine as it is rented: no docker, curl, git or python.
    pub fn bare(name: &str) -> Self {
        Self::up(name, "bare")
    }

    /// A machine as provisioning leaves it (its firewall off).
    pub fn ready(name: &str) -> Self {
        Self::up(name, "ready")
    }

    /// A ready one whose registry has stand-ins for the official images of postgres, mysql and redis.
    pub fn with_databases(name: &str) -> Self {
        Self::up(name, "databases")
    }

    /// Several ready ones in one place: for a test that is about many servers.
    pub fn crowd(name: &str, count: usize) -> Vec<Self> {
        let place = take_place();
        let one = |n| Self::up_in(&format!("{name}{n}"), "ready", place.try_clone().unwrap());
        (1..=count).map(one).collect()
    }

    fn up(name: &str, kind: &str) -> Self {
        Self::up_in(name, kind, take_place())
    }

    fn up_in(name: &str, kind: &str, place: File) -> Self {
        // Two tests may choose the same name: none of them takes the other's server away.
        static COUNT: AtomicUsize = AtomicUsize::new(1);
        let name = format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        testserver(&["down", &name]);
        let output = testserver(&["up", &name, kind]);
        assert!(output.status.success(), "no server to test on: {}", text(&output));
        let facts = String::from_utf8(output.stdout).unwrap();
        let fact = |key: &str| {
            let line = facts.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_else(|| panic!("{key} is missing in {facts}")).to_string()
        };
        let port = |key: &str| fact(key).parse().unwrap();
        Self {
            host: fact("HOST"),
            port: port("PORT"),
            http_port: port("HTTP_PORT"),
            https_port: port("HTTPS_PORT"),
            key: fact("KEY").into(),
            name,
            _place: place,
        }
    }

    /// Runs a shell script as root, without ssh, and returns what it printed; it must succeed.
    #[track_caller]
    pub fn exec(&self, script: &str) -> String {
        let output = self.try_exec(script);
        assert!(output.status.success(), "on {}: {script}\n{}", self.name, text(&output));
        String::from_utf8_lossy(&output.stdout).trim_end().to_string()
    }

    /// What systemd shall do with docker (`restart`, `kill --signal=KILL`), however often it was started just before: systemd
    /// refuses a start after three in a minute.
    #[track_caller]
    pub fn docker(&self, what: &str) {
        self.exec(&format!("systemctl reset-failed docker.service docker.socket && systemctl {what} docker"));
    }

    pub fn try_exec(&self, script: &str) -> Output {
        testserver(&["exec", &self.name, "sh", "-c", script])
    }

    /// Puts a file there, as root, without ssh.
    #[track_caller]
    pub fn write(&self, path: &str, content: &[u8]) {
        let mut command = command(&["exec", &self.name, "sh", "-c", "mkdir -p \"${0%/*}\" && cat >\"$0\"", path]);
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(content).unwrap();
        assert!(child.wait().unwrap().success(), "{path} was not written on {}", self.name);
    }

    /// Whether a shell condition becomes true within [`PATIENCE`]; the message shows what the server said last.
    #[track_caller]
    pub fn wait_until(&self, condition: &str) {
        let began = Instant::now();
        let waiting = format!("for i in $(seq 50); do ( {condition} ) && exit 0; sleep 0.2; done; exit 1");
        loop {
            let output = self.try_exec(&waiting);
            if output.status.success() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain on {} for: {condition}\n{}", self.name, text(&output));
        }
    }

    /// Runs a command over the system's ssh.
    pub fn ssh(&self, user: &str, command: &str) -> Output {
        self.ssh_command(user, self.port).arg(command).stdin(Stdio::null()).output().unwrap()
    }

    /// The system's ssh through a port (the server's or a proxy's), up to the place where the remote command goes.
    pub fn ssh_command(&self, user: &str, port: u16) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args([
            "-F",
            "/dev/null",
            "-o",
            "BatchMode=yes",
            "-o",
            "IdentitiesOnly=yes",
            "-o",
            "StrictHostKeyChecking=no",
        ]);
        ssh.args(["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=10"]);
        ssh.arg("-i").arg(&self.key).args(["-p", &port.to_string(), &format!("{user}@{}", self.host)]);
        ssh
    }

    /// Takes away what infrakt and the test put there; ready for the next case.
    #[track_caller]
    pub fn reset(&self) {
        self.control(&["reset", &self.name]);
    }

    /// Returns when sshd answers again.
    #[track_caller]
    pub fn reboot(&self, how: Reboot) {
        let how = match how {
            Reboot::Hard => "hard",
            Reboot::Soft => "soft",
        };
        self.control(&["reboot", &self.name, how]);
    }

    /// Drops all packets from and to the server until the guard goes; live connections then go on.
    #[track_caller]
    pub fn cut(&self) -> Fault<'_> {
        self.fault("cut")
    }

    /// Stops all processes of the server until the guard goes.
    #[track_caller]
    pub fn freeze(&self) -> Fault<'_> {
        self.fault("freeze")
    }

    #[track_caller]
    fn fault(&self, verb: &'static str) -> Fault<'_> {
        self.control(&[verb, &self.name, "on"]);
        Fault { server: self, verb }
    }

    /// Kills all ssh sessions with -9; the listener stays.
    #[track_caller]
    pub fn kill_ssh(&self) {
        self.control(&["killssh", &self.name]);
    }

    /// Makes fail2ban forget failed logins: all tests come from one address.
    #[track_caller]
    pub fn unban(&self) {
        self.control(&["unban", &self.name]);
    }

    #[track_caller]
    fn control(&self, args: &[&str]) {
        let output = testserver(args);
        assert!(output.status.success(), "testserver {args:?}: {}", text(&output));
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seen =
                self.try_exec("docker ps -a; systemctl --no-pager --failed; journalctl --no-pager -n 20 -p warning");
            eprintln!("--- {} at the end of the failed test\n{}", self.name, text(&seen));
        }
        testserver(&["down", &self.name]);
    }
}

/// Something that is wrong with a server as long as this lives.
#[must_use = "the fault ends when this is dropped"]
pub struct Fault<'a> {
    server: &'a TestServer,
    verb: &'static str,
}

impl Drop for Fault<'_> {
    fn drop(&mut self) {
        testserver(&[self.verb, &self.server.name, "off"]);
    }
}

/// stdout and stderr of a command, for messages
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn testserver(args: &[&str]) -> Output {
    command(args).stdin(Stdio::null()).output().unwrap()
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/testserver"));
    command.args(args);
    command
}

/// A locked file is a place for one server, so that other test processes count too; the lock goes with the process.
fn take_place() -> File {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let place = |n: usize| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("server-place-{n}"));
        File::create(path).unwrap()
    };
    if let Some(free) = (0..AT_ONCE).map(place).find(|place| place.try_lock().is_ok()) {
        return free;
    }
    let next = place(NEXT.fetch_add(1, Relaxed) % AT_ONCE);
    next.lock().unwrap();
    next
}
