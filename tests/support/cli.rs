//! The product's binary as a person calls it: a home of its own for a test, commands, and what they answered.

use super::process::Process;
use super::server::TestServer;
use infrakt::domain::job::{Job, JobStep};
use infrakt::store::{Db, attempts, jobs, logs, steps};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a test waits for something before it fails.
pub const PATIENCE: Duration = Duration::from_secs(240);

/// What a command answered.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    #[track_caller]
    pub fn ok(self) -> Self {
        self.exits(0)
    }

    #[track_caller]
    pub fn exits(self, status: i32) -> Self {
        assert_eq!(self.status, status, "\n{}\n{}", self.out, self.err);
        self
    }

    /// Every one of these stands in what was said on stderr.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is missing in\n{}", self.err);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

pub struct Home {
    dir: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Home {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir: dir.path().to_owned(), _temporary: Some(dir) }
    }

    /// In a place that the test looks after.
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), _temporary: None }
    }

    /// A home that knows these servers.
    pub fn with(servers: &[(&str, &TestServer)]) -> Self {
        let home = Self::new();
        for (name, server) in servers {
            home.add(name, server, server.port).ok();
        }
        home
    }

    pub fn add(&self, name: &str, server: &TestServer, port: u16) -> Said {
        let (port, key) = (port.to_string(), server.key.display().to_string());
        self.run(&["server", "add", name, "--host", &server.host, "--port", &port, "--key", &key, "--yes"])
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infrakt"));
        command.args(args).stdin(Stdio::null());
        command.env_remove("SSH_AUTH_SOCK").env_remove("INFRAKT_WAIT").env("INFRAKT_HOME", &self.dir);
        command
    }

    pub fn run(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A command in the background, in silence.
    pub fn start(&self, args: &[&str]) -> Process {
        let child = self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Process::new(child)
    }

    pub fn worker(&self) -> Process {
        self.start(&["worker", "--until-idle"])
    }

    /// Enqueues without waiting and without a worker's being started: the job's id.
    #[track_caller]
    pub fn enqueue(&self, args: &[&str]) -> i64 {
        let said = self.run(&[args, &["--no-wait", "--json"]].concat()).ok();
        said.json()["job_id"].as_i64().unwrap()
    }

    pub fn path(&self) -> &Path {
        &self.dir
    }

    pub fn db(&self) -> Db {
        Db::open(&self.dir.join("infrakt.db")).unwrap()
    }

    pub fn job(&self, id: i64) -> Job {
        self.db().read(|conn| jobs::find(conn, id)).unwrap().unwrap()
    }

    pub fn steps(&self, id: i64) -> Vec<JobStep> {
        self.db().read(|conn| steps::of_job(conn, id)).unwrap()
    }

    /// The runs of a job's steps as text: `fetch 1 succeeded`.
    pub fn runs(&self, id: i64) -> Vec<String> {
        self.steps(id).iter().map(|s| format!("{} {} {}", s.name, s.run, s.state)).collect()
    }

    /// Why its tries ended, as far as they have.
    pub fn reasons(&self, id: i64) -> Vec<String> {
        let tries = self.db().read(|conn| attempts::of_job(conn, id)).unwrap();
        tries.into_iter().filter_map(|one| one.error).collect()
    }

    pub fn log(&self, id: i64) -> String {
        let chunks = self.db().read(|conn| logs::after(conn, id, 0, 1_000_000)).unwrap();
        let numbers: Vec<i64> = chunks.iter().map(|chunk| chunk.seq).collect();
        assert_eq!(numbers, (1..=chunks.len() as i64).collect::<Vec<_>>(), "the numbers of the chunks are dense");
        let bytes: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.bytes).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What is stored of one step's output.
    pub fn step_log(&self, id: i64, seq: i32) -> Vec<u8> {
        let parts = self.db().read(|conn| logs::of_step(conn, id, seq, 1)).unwrap();
        parts.concat()
    }

    #[track_caller]
    pub fn wait(&self, what: &str, id: i64, condition: impl Fn(&Job) -> bool) -> Job {
        let began = Instant::now();
        loop {
            let job = self.db().read(|conn| jobs::find(conn, id)).unwrap();
            if let Some(job) = &job
                && condition(job)
            {
                return job.clone();
            }
            let log = || self.log(id).lines().rev().take(20).collect::<Vec<_>>().join("\n");
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain until {what}: {job:#?}\n{:?}\n{}",
                self.runs(id),
                log()
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub fn wait_end(&self, id: i64) -> Job {
        self.wait("it has ended", id, |job| job.state.is_final())
    }

    #[track_caller]
    pub fn wait_step(&self, id: i64, name: &str) {
        self.wait(&format!("`{name}` is under way"), id, |job| self.steps(job.id).iter().any(|s| s.name == name));
    }

    /// The last job that was asked for.
    pub fn last_job(&self) -> Job {
        let list = self.run(&["job", "list", "--all", "--json"]).ok().json();
        self.job(list.as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).max().unwrap())
    }

    /// One field of `app show --json` as text.
    pub fn app(&self, name: &str, field: &str) -> String {
        let app = self.run(&["app", "show", name, "--offline", "--json"]).ok().json();
        match &app[field] {
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

impl Drop for Home {
    /// Workers that commands left behind end by themselves; a test does not leave them to it.
    fn drop(&mut self) {
        let db = self.dir.join("infrakt.db");
        if !db.exists() {
            return;
        }
        let Ok(db) = Db::open(&db) else { return };
        for row in db.read(infrakt::store::workers::list).unwrap_or_default() {
            // A pid may be another's by now: only a process of this binary with this home is ended.
            let args = std::fs::read(format!("/proc/{}/cmdline", row.pid)).unwrap_or_default();
            let home = self.dir.display().to_string();
            if String::from_utf8_lossy(&args).contains(&home) {
                // SAFETY: kill has no memory to harm.
                unsafe { libc::kill(row.pid as i32, libc::SIGKILL) };
            }
        }
    }
}

/// A key that no server knows, made now.
pub fn stray_key(dir: &Path) -> PathBuf {
    let path = dir.join("stray");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status().unwrap();
    assert!(made.success());
    path
}
