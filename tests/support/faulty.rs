//! A worker with the product's own parts and a probe that strikes: the process dies, the job's task panics, or the line breaks, at
//! named points of the engine.
//!
//! The worker is this test binary again: a target that uses it has a test that calls [`worker_if_asked`].

use super::cli::{Home, PATIENCE};
use super::process::Process;
use infrakt::actors::{Options, Workers, block_on, product_parts};
use infrakt::clock::{Clock, SystemClock};
use infrakt::config::Home as InfraktHome;
use infrakt::engine::Parts;
use infrakt::engine::probe::{Point, Probe};
use infrakt::queue::wake::Bell;
use infrakt::queue::{Worker, WorkerKind};
use infrakt::ssh::Ssh;
use infrakt::store::{Db, meta};
use std::future::Future;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const HOME: &str = "INFRAKT_FAULTY_HOME";
const FAULT: &str = "INFRAKT_FAULTY_FAULT";
/// Where a worker writes what its probe saw, one point a line.
const TRAIL: &str = "trail";

/// What happens at a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strike {
    /// Nothing: the trail is all that is wanted.
    Watch,
    /// The process dies as by `kill -9`.
    Crash,
    /// The task that runs the job dies, the process lives on.
    Panic,
    /// All connections of the process break: whatever is asked of the server next, or is under way, is an error.
    Cut,
}

impl Strike {
    pub const ALL: [Strike; 4] = [Strike::Watch, Strike::Crash, Strike::Panic, Strike::Cut];
}

/// Strikes at each step that passes one of `points`, so often at each.
#[derive(Clone, Debug)]
pub struct Fault {
    pub strike: Strike,
    pub times: usize,
    pub points: Vec<Point>,
}

impl Fault {
    pub fn none() -> Self {
        Self { strike: Strike::Watch, times: 1, points: Vec::new() }
    }

    fn text(&self) -> String {
        let points: Vec<String> = self.points.iter().map(|point| format!("{point:?}")).collect();
        format!("{:?} {} {}", self.strike, self.times, points.join(" "))
    }

    fn parse(text: &str) -> Self {
        let mut words = text.split_whitespace();
        let word = words.next().unwrap();
        let strike = Strike::ALL.into_iter().find(|strike| format!("{strike:?}") == word).unwrap();
        let times = words.next().unwrap().parse().unwrap();
        let points = words.map(|word| Point::ALL.into_iter().find(|point| format!("{point:?}") == word).unwrap());
        Self { strike, times, points: points.collect() }
    }
}

struct Faulty {
    fault: Fault,
    trail: PathBuf,
}

impl Probe for Faulty {
    fn at<'a>(&'a self, point: Point, what: &'a str) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let name = format!("{point:?} {what}");
        let struck = format!("{:?} at {name}", self.fault.strike);
        let before = std::fs::read_to_string(&self.trail).unwrap_or_default();
        let strikes = self.fault.strike != Strike::Watch
            && self.fault.points.contains(&point)
            && before.lines().filter(|line| *line == struck).count() < self.fault.times;
        let mut trail = std::fs::OpenOptions::new().create(true).append(true).open(&self.trail).unwrap();
        writeln!(trail, "{}", if strikes { &struck } else { &name }).unwrap();
        if strikes {
            match self.fault.strike {
                Strike::Watch => {}
                // SAFETY: a signal to this very process; nothing of it runs behind the call.
                Strike::Crash => unsafe {
                    libc::raise(libc::SIGKILL);
                },
                Strike::Panic => panic!("a panic on purpose, {struck}"),
                Strike::Cut => cut_lines(),
            }
        }
        Box::pin(std::future::ready(()))
    }
}

/// Shuts every TCP connection of this process down, both ways.
fn cut_lines() {
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let Ok(fd) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        // SAFETY: plain calls on numbers; one that is no socket, or closed meanwhile, answers with an error.
        unsafe {
            let mut peer: libc::sockaddr_storage = std::mem::zeroed();
            let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
            let found = libc::getpeername(fd, (&raw mut peer).cast(), &mut length) == 0;
            if found && [libc::AF_INET, libc::AF_INET6].contains(&i32::from(peer.ss_family)) {
                libc::shutdown(fd, libc::SHUT_RDWR);
            }
        }
    }
}

/// The place for a worker's life: returns at once unless this process was started as one.
pub fn worker_if_asked() {
    let Some(dir) = std::env::var_os(HOME).map(PathBuf::from) else { return };
    let fault = Fault::parse(&std::env::var(FAULT).unwrap());
    block_on(async {
        let db = Db::open(&dir.join("infrakt.db")).unwrap();
        let bell = Bell::hang(&dir.join("run")).unwrap();
        let installation = db.read(meta::installation).unwrap().unwrap();
        let product = product_parts(db, bell, Ssh::start(), installation, &InfraktHome::at(&dir), None);
        let parts = Parts { probe: Arc::new(Faulty { fault, trail: dir.join(TRAIL) }), ..product };
        let options = Options {
            kind: WorkerKind::Worker,
            only_lane: None,
            idle_after: Duration::from_millis(50),
            counters: Arc::default(),
        };
        let workers = Workers::start(parts, &dir.join("run"), options).await.unwrap();
        workers.until_idle().await.unwrap();
        workers.drain().await;
    });
    std::process::exit(0);
}

fn worker(home: &Path, fault: &Fault) -> Process {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["faulty_worker_process", "--nocapture", "--test-threads=1"])
        .env(HOME, home)
        .env(FAULT, fault.text())
        .env_remove("SSH_AUTH_SOCK")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    Process::new(child)
}

/// Enqueues with nobody there who would run the job, nor start somebody.
#[track_caller]
pub fn enqueue(home: &Home, args: &[&str]) -> i64 {
    let db = home.db();
    let watchman = Worker::start(&db, &home.path().join("run"), WorkerKind::Worker, SystemClock.now_ms()).unwrap();
    let job = home.enqueue(args);
    watchman.stop(&db).unwrap();
    job
}

/// Runs what waits with one worker after the other, until one ends in order; what their probes saw, strikes among it.
#[track_caller]
pub fn run_to_the_end(home: &Home, fault: &Fault) -> Vec<String> {
    let trail = home.path().join(TRAIL);
    let _ = std::fs::remove_file(&trail);
    let seen = || std::fs::read_to_string(&trail).unwrap_or_default();
    let began = Instant::now();
    loop {
        let mut worker = worker(home.path(), fault);
        while !worker.has_ended() {
            assert!(began.elapsed() < PATIENCE, "the workers come to no end:\n{}", seen());
            std::thread::park_timeout(Duration::from_millis(10));
        }
        match worker.wait() {
            // Killed: by itself.
            None => assert_eq!(fault.strike, Strike::Crash, "a worker died"),
            status => {
                assert_eq!(status, Some(0), "a worker ended badly");
                break;
            }
        }
    }
    seen().lines().map(str::to_owned).collect()
}
