//! Toy plans: a home, one real server, and jobs whose steps a test writes itself, run by the product's own engine and actors in
//! processes of their own, so that a test can kill them.
//!
//! A worker process is this test binary again: a target that uses toys has a test that calls [`worker_if_asked`].

use super::process::Process;
use super::server::TestServer;
use infrakt::actors::{Options, Workers, block_on};
use infrakt::clock::{Clock, SystemClock};
use infrakt::domain::failure::Failure;
use infrakt::domain::job::{Job, JobState, JobStep};
use infrakt::domain::plan::{Body, Marker, Plan, PlanStep};
use infrakt::domain::secret::Secret;
use infrakt::domain::server::NewServer;
use infrakt::engine::Parts;
use infrakt::engine::planner::{Outputs, Planner, Prepared};
use infrakt::engine::probe::Quiet;
use infrakt::queue::enqueue::{NewJob, enqueue};
use infrakt::queue::wake::Bell;
use infrakt::queue::{QueueError, WorkerKind};
use infrakt::render::mask::Masker;
use infrakt::ssh::{Ssh, Target};
use infrakt::store::{Db, jobs, logs, meta, servers, steps};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOME: &str = "INFRAKT_TOY_HOME";

/// How long a test waits for a job before it fails and shows the queue.
pub const PATIENCE: Duration = Duration::from_secs(150);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Toy {
    pub name: String,
    pub script: String,
    pub limit_s: u64,
    pub on_lost: infrakt::domain::step::OnLost,
    pub undo: Option<String>,
    pub probe: Option<String>,
}

impl Toy {
    pub fn new(name: &str, script: &str) -> Self {
        let on_lost = infrakt::domain::step::OnLost::Rerun;
        Self { name: name.into(), script: script.into(), limit_s: 120, on_lost, undo: None, probe: None }
    }

    pub fn undo(mut self, script: &str) -> Self {
        self.undo = Some(script.into());
        self
    }
}

struct ToyPlanner {
    db: Db,
}

impl Planner for ToyPlanner {
    fn look(&self, _: &Job) -> Option<(String, Vec<u8>)> {
        None
    }

    fn prepare(&self, job: &Job, _: &Outputs, _: Option<&str>) -> Result<Prepared, Failure> {
        let server = self.db.read(|conn| servers::find(conn, job.server_id.unwrap())).unwrap().unwrap();
        let toys: Vec<Toy> = serde_json::from_str(&job.args).unwrap();
        let body = |script: &str| Body {
            script: script.into(),
            payload: Secret::new(Arc::from(format!("JOB='{}'\n", job.uid).into_bytes())),
        };
        let steps = toys.iter().map(|toy| PlanStep {
            name: toy.name.clone().leak(),
            body: body(&toy.script),
            limit: Duration::from_secs(toy.limit_s),
            on_lost: toy.on_lost,
            probe: toy.probe.as_deref().map(body),
            undo: toy.undo.as_deref().map(body),
            confirm: false,
        });
        let plan = Plan { version: 1, steps: steps.collect() };
        Ok(Prepared { plan, target: Target::of(&server), masker: Masker::default() })
    }

    fn explain(&self, _: &Job, step: &str, status: i32, _: &[Marker], tail: &str) -> Failure {
        let text = format!("{step} ended with {status}: {tail}");
        if status == 75 { Failure::transient("toy", text) } else { Failure::permanent("toy", text) }
    }
}

/// The place for a worker's life: returns at once unless this process was started as one.
pub fn worker_if_asked() {
    let Some(home) = std::env::var_os(HOME).map(PathBuf::from) else { return };
    block_on(async {
        let db = Db::open(&home.join("infrakt.db")).unwrap();
        let bell = Bell::hang(&home.join("run")).unwrap();
        let installation = db.read(meta::installation).unwrap().unwrap();
        let parts = Parts {
            bell,
            clock: Arc::new(SystemClock),
            remote: Ssh::start(),
            planner: Arc::new(ToyPlanner { db: db.clone() }),
            probe: Arc::new(Quiet),
            random: rand::random,
            installation,
            db,
        };
        let options = Options {
            kind: WorkerKind::Worker,
            only_lane: None,
            idle_after: Duration::from_millis(500),
            counters: Arc::default(),
        };
        let workers = Workers::start(parts, &home.join("run"), options).await.unwrap();
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        tokio::select! {
            idle = workers.until_idle() => idle.unwrap(),
            _ = term.recv() => {}
        }
        workers.drain().await;
    });
    std::process::exit(0);
}

pub struct ToyHome {
    dir: tempfile::TempDir,
    pub db: Db,
    pub server_id: i64,
    bell: Bell,
}

impl ToyHome {
    /// A home that knows this server, reached at `port` (its own or a proxy's).
    pub fn new(server: &TestServer, port: u16) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        let db = Db::open(&dir.path().join("infrakt.db")).unwrap();
        let new = NewServer {
            name: "toy".into(),
            host: server.host.clone(),
            port,
            user: "root".into(),
            ssh_key_path: Some(server.key.display().to_string()),
            provider: None,
            host_key: None,
        };
        let server_id = db.write(|conn| servers::insert(conn, SystemClock.now_ms(), &new)).unwrap();
        let bell = Bell::hang(&dir.path().join("run")).unwrap();
        Self { dir, db, server_id, bell }
    }

    pub fn enqueue(&self, toys: &[Toy]) -> Job {
        let mut new = NewJob::provision(self.server_id, "toy", serde_json::to_string(toys).unwrap(), "test");
        new.unique_key = None;
        let made: Result<_, QueueError> = self.db.write(|conn| enqueue(conn, SystemClock.now_ms(), &new));
        self.bell.ring();
        made.unwrap().into_job()
    }

    pub fn worker(&self) -> Process {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["worker_process", "--nocapture", "--test-threads=1"])
            .env(HOME, self.dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Process::new(child)
    }

    pub fn ring(&self) {
        self.bell.ring();
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn job(&self, id: i64) -> Job {
        self.db.read(|conn| jobs::find(conn, id)).unwrap().unwrap()
    }

    pub fn steps(&self, id: i64) -> Vec<JobStep> {
        self.db.read(|conn| steps::of_job(conn, id)).unwrap()
    }

    /// What is stored of a step's log.
    pub fn log(&self, id: i64, seq: i32, run: i32) -> Vec<u8> {
        self.db.read(|conn| logs::of_step(conn, id, seq, run)).unwrap().concat()
    }

    /// All that is stored of a job's log, notes included.
    pub fn whole_log(&self, id: i64) -> String {
        let chunks = self.db.read(|conn| logs::after(conn, id, 0, 100_000)).unwrap();
        let numbers: Vec<i64> = chunks.iter().map(|chunk| chunk.seq).collect();
        assert_eq!(numbers, (1..=chunks.len() as i64).collect::<Vec<_>>(), "the numbers of the chunks are dense");
        String::from_utf8_lossy(&chunks.concat_bytes()).into_owned()
    }

    /// The last lines of a job's log, for messages.
    fn tail(&self, id: i64) -> String {
        let log = self.whole_log(id);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The steps as text: `1.1 succeeded`.
    pub fn runs(&self, id: i64) -> Vec<String> {
        self.steps(id).iter().map(|s| format!("{}.{} {}", s.seq, s.run, s.state)).collect()
    }

    #[track_caller]
    pub fn wait(&self, what: &str, id: i64, condition: impl Fn(&Job) -> bool) -> Job {
        let began = Instant::now();
        loop {
            let job = self.job(id);
            if condition(&job) {
                return job;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "waited in vain until {what}: {job:#?}\n{:?}\n{}",
                self.runs(id),
                self.tail(id)
            );
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    #[track_caller]
    pub fn wait_end(&self, id: i64) -> Job {
        self.wait("it has ended", id, |job| job.state.is_final())
    }

    #[track_caller]
    pub fn wait_success(&self, id: i64) -> Job {
        let job = self.wait_end(id);
        assert_eq!(job.state, JobState::Succeeded, "{:?}\n{}", job.failure, self.whole_log(id));
        job
    }

    /// Until so many bytes of a step's log are stored.
    #[track_caller]
    pub fn wait_log(&self, id: i64, seq: i32, bytes: i64) {
        let stored = |job: &Job| {
            let rows = self.db.read(|conn| steps::of_job(conn, job.id)).unwrap();
            rows.iter().any(|row| row.seq == seq && row.log_off >= bytes)
        };
        self.wait(&format!("{bytes} bytes of step {seq} are stored"), id, stored);
    }
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<logs::Chunk> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect()
    }
}
