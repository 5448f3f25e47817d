//! Jobs per second through the queue: accepted, claimed and finished, each synced to disk, by one process and by several at once.

use crate::child;
use crate::figures::{heading, line};
use crate::start::add_server;
use crate::world::{SHA, START_MS, snapshot_of};
use infrakt::queue::claim::{Claim, claim_next};
use infrakt::queue::enqueue::{NewJob, enqueue};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::{LEASE_MS, Worker, WorkerKind};
use infrakt::store::{Db, apps};
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::Instant;

/// Of each lane.
const JOBS: usize = 500;

/// Lanes of a process that works in several.
const LANES: usize = 8;

pub fn run() {
    heading("queue: enqueue + claim + finish, each a write with `synchronous = FULL`");
    let (grown, written_over) = (syncs_per_second(false), syncs_per_second(true));
    line(
        "write + fsync of 4 KiB on this disk",
        &format!("{written_over:.0} /s"),
        &format!("as the log does it, written over; {grown:.0} /s where the file grows"),
    );
    let told = |what: &str, rate: f64, beside: &str| {
        let fsyncs = written_over / rate;
        line(what, &format!("{rate:.0} jobs/s"), &format!("one in the time of {fsyncs:.2} fsyncs{beside}"));
    };
    let alone = rate(1);
    told("1 process, 1 lane", alone, "; three are its own; aim: 1500 /s on a quiet disk");
    let shared = lanes_rate();
    told(&format!("1 process, {LANES} lanes"), shared, &format!("; {:.2} of what one lane does", shared / alone));
    let together = rate(4);
    told("4 processes, each in its own lane", together, &format!("; {:.2} of what one does", together / alone));
}

/// Jobs per second of a process that works in several lanes at once: their writes share commits.
fn lanes_rate() -> f64 {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("run")).unwrap();
    let db = Db::open(&dir.path().join("infrakt.db")).unwrap();
    db.write(|conn| (0..LANES).try_for_each(|n| add_server(conn, n, n..n + 1))).unwrap();
    let lanes: Vec<Lane> = (0..LANES).map(|n| Lane::of(db.clone(), dir.path(), n)).collect();
    let began = Instant::now();
    std::thread::scope(|scope| lanes.iter().for_each(|lane| drop(scope.spawn(move || lane.work()))));
    let took = began.elapsed();
    lanes.into_iter().for_each(|lane| lane.worker.stop(&lane.db).unwrap());
    (LANES * JOBS) as f64 / took.as_secs_f64()
}

/// Says when it is ready, works when it is told to, and says when it is done.
pub fn child() {
    let told: Vec<String> = std::env::args().skip(1).collect();
    let lane = Lane::open(Path::new(&told[0]), told[1].parse().unwrap());
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    lane.work();
    println!("done");
    lane.worker.stop(&lane.db).unwrap();
}

struct Peer {
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Peer {
    fn start(home: &Path, n: usize) -> Self {
        let mut command = child::start("queue");
        command.arg(home).arg(n.to_string()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Self { child, said }
    }

    fn hear(&mut self, word: &str) {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), word);
    }

    fn begin(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }
}

/// Jobs per second of so many processes together.
fn rate(processes: usize) -> f64 {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("run")).unwrap();
    let db = Db::open(&dir.path().join("infrakt.db")).unwrap();
    db.write(|conn| (0..processes).try_for_each(|n| add_server(conn, n, n..n + 1))).unwrap();
    let mut peers: Vec<Peer> = (0..processes).map(|n| Peer::start(dir.path(), n)).collect();
    peers.iter_mut().for_each(|peer| peer.hear("ready"));
    let began = Instant::now();
    peers.iter_mut().for_each(Peer::begin);
    peers.iter_mut().for_each(|peer| peer.hear("done"));
    let took = began.elapsed();
    peers.iter_mut().for_each(|peer| assert!(peer.child.wait().unwrap().success()));
    (processes * JOBS) as f64 / took.as_secs_f64()
}

/// One process's work in one lane.
pub struct Lane {
    pub db: Db,
    pub worker: Worker,
    new: NewJob,
    name: String,
}

impl Lane {
    /// In a home of its own.
    pub fn alone(dir: &Path) -> Self {
        std::fs::create_dir(dir.join("run")).unwrap();
        Db::open(&dir.join("infrakt.db")).unwrap().write(|conn| add_server(conn, 0, 0..1)).unwrap();
        Self::open(dir, 0)
    }

    fn open(dir: &Path, n: usize) -> Self {
        Self::of(Db::open(&dir.join("infrakt.db")).unwrap(), dir, n)
    }

    fn of(db: Db, dir: &Path, n: usize) -> Self {
        let worker = Worker::start(&db, &dir.join("run"), WorkerKind::Worker, START_MS).unwrap();
        let app = db.read(|conn| apps::find_by_name(conn, &format!("app-{n}"))).unwrap().remove(0);
        let (server, named) = ((app.server_id, app.server_name.as_str()), (app.id, app.name.as_str()));
        let new = NewJob::deploy(server, named, snapshot_of(&app, SHA), "{}".to_owned(), "bench");
        Self { db, worker, new, name: format!("srv:{}", app.server_id) }
    }

    fn work(&self) {
        for _ in 0..JOBS {
            self.enqueue();
            let claim = self.claim();
            self.finish(&claim);
        }
    }

    pub fn enqueue(&self) {
        self.db.write(|conn| enqueue(conn, START_MS, &self.new)).unwrap();
    }

    pub fn claim(&self) -> Claim {
        claim_next(&self.db, &self.name, &self.worker, START_MS, LEASE_MS).unwrap().unwrap()
    }

    pub fn finish(&self, claim: &Claim) {
        finish(&self.db, claim, START_MS, &Ending::Succeeded, &Effects::default()).unwrap();
    }
}

/// What the disk itself does, with a file that grows or one that has its size already.
fn syncs_per_second(written_over: bool) -> f64 {
    const SYNCS: usize = 200;
    let mut file = tempfile::tempfile().unwrap();
    if written_over {
        file.write_all(&vec![0; SYNCS * 4096]).unwrap();
        file.sync_all().unwrap();
        file.rewind().unwrap();
    }
    let began = Instant::now();
    for _ in 0..SYNCS {
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
    }
    SYNCS as f64 / began.elapsed().as_secs_f64()
}
