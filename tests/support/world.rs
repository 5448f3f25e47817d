//! `World`: a home with servers and apps for a test, its time and its queue. Its `Drop` fails where a running job, a process's lock
//! or a socket is left.

#![allow(dead_code, reason = "each test binary uses its part")]

use infrakt::clock::{Clock, TestClock};
use infrakt::domain::app::{App, NewApp, Resources, Source};
use infrakt::domain::failure::Failure;
use infrakt::domain::job::{Job, JobStep};
use infrakt::domain::server::{NewServer, Server};
use infrakt::domain::step::{OnLost, StepState};
use infrakt::queue::claim::{Claim, claim_next};
use infrakt::queue::enqueue::{Enqueued, NewJob, Snapshot, enqueue};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::put_back::{PutBack, PutBackOutcome, put_back};
use infrakt::queue::record::{self, Intent, StepEnd};
use infrakt::queue::{LEASE_MS, QueueError, Worker, WorkerKind};
use infrakt::store::{Db, Page, StoreError, apps, deployments, jobs, lanes, servers};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// 2026-01-01 00:00:00 UTC.
pub const START_MS: i64 = 1_767_225_600_000;

/// A hash where only equality counts.
pub const SHA: &str = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

pub struct World {
    pub db: Db,
    pub clock: TestClock,
    worker: Option<Worker>,
    last_server: Option<(i64, String)>,
    dir: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("run")).unwrap();
        let db = Db::open(&dir.path().join("infrakt.db")).unwrap();
        Self { db, clock: TestClock::at(START_MS), worker: None, last_server: None, dir }
    }

    /// A server of that name.
    pub fn server(mut self, name: &str) -> Self {
        let new = NewServer {
            name: name.to_owned(),
            host: format!("{name}.example.com"),
            port: 22,
            user: "root".to_owned(),
            ssh_key_path: None,
            provider: None,
            host_key: None,
        };
        let now = self.now();
        let id = self.db.write(|conn| servers::insert(conn, now, &new)).unwrap();
        self.last_server = Some((id, name.to_owned()));
        self
    }

    /// An app of that name on the server named last.
    pub fn app(self, name: &str) -> Self {
        let server_id = self.last_server.as_ref().expect("an app needs a server").0;
        let now = self.now();
        self.db.write(|conn| apps::insert(conn, now, &new_app(name, server_id))).unwrap();
        self
    }

    pub fn now(&self) -> i64 {
        self.clock.now_ms()
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn run_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// Another process, as far as the queue can tell.
    pub fn another_worker(&self) -> Worker {
        Worker::start(&self.db, &self.run_dir(), WorkerKind::Worker, self.now()).unwrap()
    }

    /// This process.
    pub fn worker(&mut self) -> &Worker {
        if self.worker.is_none() {
            self.worker = Some(Worker::start(&self.db, &self.run_dir(), WorkerKind::Serve, self.now()).unwrap());
        }
        self.worker.as_ref().unwrap()
    }

    pub fn find_server(&self, name: &str) -> Server {
        self.db.read(|conn| servers::find_by_name(conn, name)).unwrap().expect("the server is there")
    }

    pub fn find_app(&self, name: &str) -> App {
        let mut found = self.db.read(|conn| apps::find_by_name(conn, name)).unwrap();
        assert_eq!(found.len(), 1, "one app named {name}");
        found.remove(0)
    }

    pub fn find_job(&self, id: i64) -> Job {
        self.db.read(|conn| jobs::find(conn, id)).unwrap().expect("the job is there")
    }

    pub fn new_provision(&self, server: &str) -> NewJob {
        let server = self.find_server(server);
        NewJob::provision(server.id, &server.name, "{}".to_owned(), "anna")
    }

    pub fn new_deploy(&self, app: &str, spec_hash: &str) -> NewJob {
        let app = self.find_app(app);
        let snapshot = snapshot_of(&app, spec_hash);
        NewJob::deploy((app.server_id, &app.server_name), (app.id, &app.name), snapshot, "{}".to_owned(), "anna")
    }

    pub fn enqueue(&self, new: &NewJob) -> Enqueued {
        self.try_enqueue(new).unwrap()
    }

    pub fn try_enqueue(&self, new: &NewJob) -> Result<Enqueued, QueueError> {
        let now = self.now();
        self.db.write(|conn| enqueue(conn, now, new))
    }

    pub fn provision(&self, server: &str) -> Job {
        self.enqueue(&self.new_provision(server)).into_job()
    }

    /// A deploy of what `spec_hash` stands for.
    pub fn deploy(&self, app: &str, spec_hash: &str) -> Job {
        self.enqueue(&self.new_deploy(app, spec_hash)).into_job()
    }

    pub fn lane(&self, server: &str) -> String {
        format!("srv:{}", self.find_server(server).id)
    }

    /// What this process gets when it claims in the server's lane.
    pub fn try_claim(&mut self, server: &str) -> Option<Claim> {
        let (lane, now) = (self.lane(server), self.now());
        let db = self.db.clone();
        claim_next(&db, &lane, self.worker(), now, LEASE_MS).unwrap()
    }

    pub fn claim(&mut self, server: &str) -> Claim {
        self.try_claim(server).expect("there is a job to claim")
    }

    pub fn begin(&self, claim: &Claim, seq: i32, name: &str) -> JobStep {
        self.try_begin(claim, seq, 1, name).unwrap()
    }

    pub fn try_begin(&self, claim: &Claim, seq: i32, run: i32, name: &str) -> Result<JobStep, QueueError> {
        let intent = Intent { seq, run, name, script_sha256: SHA, on_lost: OnLost::Rerun };
        record::begin_step(&self.db, claim, self.now(), &intent)
    }

    pub fn end_step(&self, claim: &Claim, seq: i32, state: StepState, failure: Option<&Failure>) -> JobStep {
        let code = Some(i32::from(!state.is_done()));
        let end = StepEnd { seq, run: 1, state, exit_code: code, exit_reason: None, output: None, failure };
        record::end_step(&self.db, claim, self.now(), &end).unwrap()
    }

    /// Begins and does a step.
    pub fn done(&self, claim: &Claim, seq: i32, name: &str) {
        self.begin(claim, seq, name);
        self.end_step(claim, seq, StepState::Succeeded, None);
    }

    pub fn finish(&self, claim: &Claim, ending: Ending) -> Job {
        finish(&self.db, claim, self.now(), &ending, &Effects::default()).unwrap()
    }

    pub fn fail(&self, claim: &Claim, serving: Option<bool>) -> Job {
        self.finish(claim, Ending::Failed { failure: Failure::permanent("step_failed", "the step failed"), serving })
    }

    /// Puts the job back to be claimed at once.
    pub fn put_back(&self, claim: &Claim) -> PutBackOutcome {
        let back = PutBack { run_at: self.now(), reason: None, counts: false };
        put_back(&self.db, claim, self.now(), &back).unwrap()
    }

    /// The queue as text: one line a job, the lanes behind.
    pub fn queue(&self) -> String {
        let mut text = String::new();
        let (mut all, servers) = self
            .db
            .read(|conn| {
                Ok::<_, StoreError>((
                    jobs::list(conn, &Default::default(), Page::all())?,
                    servers::list(conn, Page::all())?,
                ))
            })
            .unwrap();
        all.reverse();
        for job in all {
            write!(text, "{} {} on {}: {}", job.id, job.title, job.server_name, job.shown_state()).unwrap();
            if let Some(reason) = job.wait_reason {
                write!(text, " ({reason})").unwrap();
            }
            if let Some(failure) = job.failure {
                write!(text, " [{}] {}", failure.class_and_code(), failure.text).unwrap();
            }
            text.push('\n');
        }
        for server in servers {
            let lane = self.db.read(|conn| lanes::find(conn, &format!("srv:{}", server.id))).unwrap();
            if let Some(lane) = lane {
                let name = |id: Option<i64>| id.map_or("-".to_owned(), |id| id.to_string());
                writeln!(
                    text,
                    "lane {}: epoch {}, runs {}, held by {}{}",
                    server.name,
                    lane.epoch,
                    name(lane.running_job),
                    name(lane.held_by),
                    if lane.paused_at.is_some() { ", paused" } else { "" }
                )
                .unwrap();
            }
        }
        text
    }

    /// Statuses of deployment, app and server of a job.
    pub fn statuses(&self, job: i64) -> String {
        let job = self.find_job(job);
        self.db
            .read(|conn| {
                let deployment = match job.deployment_id {
                    Some(id) => deployments::find(conn, id)?.map(|d| d.status.to_string()),
                    None => None,
                };
                let app = match job.app_id {
                    Some(id) => apps::find(conn, id)?.map(|a| a.status.to_string()),
                    None => None,
                };
                let server = match job.server_id {
                    Some(id) => servers::find(conn, id)?.map(|s| s.status.to_string()),
                    None => None,
                };
                let word = |w: Option<String>| w.unwrap_or("-".to_owned());
                Ok::<_, StoreError>(format!("{} / {} / {}", word(deployment), word(app), word(server)))
            })
            .unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the queue at the end:\n{}", self.queue());
            return;
        }
        if let Some(worker) = self.worker.take() {
            worker.stop(&self.db).unwrap();
        }
        let running = self.db.read(jobs::running).unwrap();
        assert!(running.is_empty(), "jobs left running:\n{}", self.queue());
        let left: Vec<_> = std::fs::read_dir(self.run_dir()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(left.is_empty(), "left in run/: {left:?}");
        self.db.check().unwrap();
    }
}

pub fn new_app(name: &str, server_id: i64) -> NewApp {
    NewApp {
        name: name.to_owned(),
        server_id,
        domains: Vec::new(),
        source: Source::Image { image: format!("example/{name}:1") },
        resources: Resources { port: 3000, ..Resources::default() },
        compose: None,
    }
}

pub fn snapshot_of(app: &App, spec_hash: &str) -> Snapshot {
    Snapshot {
        app_id: app.id,
        source: app.source.clone(),
        env_sealed: "{}".to_owned(),
        compose: None,
        resources: app.resources.clone(),
        domains: app.domains.clone(),
        spec_hash: spec_hash.to_owned(),
    }
}
