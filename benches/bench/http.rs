//! What `infrakt serve` costs in a large home: its start, its memory, pages of lists, followers of a log, the way of a command's job to
//! the process that runs it. Client and server share the machine: what one uses the other lacks.

use crate::figures::{heading, line, median, mib, ms};
use crate::load::{self, CONNECTIONS, load, request};
use crate::start::large_home;
use crate::support::cli::Home;
use crate::support::process::Process;
use crate::worker::{cpu_ticks, field};
use crate::world::{SHA, snapshot_of};
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use infrakt::clock::{Clock, SystemClock};
use infrakt::queue::claim::{Claim, claim_next};
use infrakt::queue::enqueue::{NewJob, enqueue};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::wake::Bell;
use infrakt::queue::{Worker, WorkerKind, record};
use infrakt::service::Service;
use infrakt::ssh::Ssh;
use infrakt::store::{Db, apps, attempts, meta};
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const STARTS: usize = 11;
const JOBS: usize = 10_000;
const FOLLOWERS: usize = 1000;
const LINES: usize = 200;
const COMMANDS: usize = 21;
const LOOKS: usize = 2001;

/// Between two commits while pages are asked for.
const COMMIT_EVERY: Duration = Duration::from_millis(50);

const PATIENCE: Duration = Duration::from_secs(60);

pub fn run() {
    let cores = std::thread::available_parallelism().map_or(0, |cores| cores.get());
    heading(&format!(
        "serve, 1000 servers, 10000 apps, {JOBS} jobs; client and server share {cores} cores, the log goes to /dev/null"
    ));
    more_open_files();
    let home = large_home();
    remember(&home);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    starts(&home, &runtime);
    let served = Served::start(&home, &runtime);
    idle(&served);
    pages(&home, &served, &runtime);
    commands(&home);
    served.end();
    followers(&home, &runtime);
    keys(&home);
}

struct Served {
    process: Process,
    port: u16,
    key: String,
    first_answer: Duration,
}

impl Served {
    fn start(home: &Home, runtime: &tokio::runtime::Runtime) -> Self {
        let key = std::fs::read_to_string(home.dir().join("api_key.txt")).unwrap_or_default();
        let began = Instant::now();
        let mut command = home.command(&["serve", "--bind", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let port = said.trim().rsplit(':').next().unwrap().parse().unwrap();
        let answer = runtime.block_on(load::ask(port, &request(&key, "/api/servers?limit=1", ""))).unwrap();
        let first_answer = began.elapsed();
        let key = match answer.status {
            200 => key,
            // The first start has made it.
            _ => std::fs::read_to_string(home.dir().join("api_key.txt")).unwrap(),
        };
        Self { process: Process::new(child), port, key, first_answer }
    }

    fn status(&self, name: &str) -> i64 {
        field(&std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap(), name)
    }

    fn cpu(&self) -> Duration {
        Duration::from_millis(cpu_ticks(self.process.id()) * 10)
    }

    fn end(self) {
        self.process.signal(libc::SIGTERM);
        self.process.wait();
    }
}

fn starts(home: &Home, runtime: &tokio::runtime::Runtime) {
    let mut took = Vec::new();
    for _ in 0..STARTS + 1 {
        let served = Served::start(home, runtime);
        took.push(served.first_answer);
        served.end();
    }
    // The very first one makes the key.
    took.remove(0);
    line("from the start to the first answer (median)", &ms(median(took)), "aim: 50 ms");
}

fn idle(served: &Served) {
    // It looks for work twice a second: by now it has done all that it does at its start.
    std::thread::sleep(Duration::from_secs(3));
    line("resident, with nothing to do", &mib(served.status("VmRSS:")), "aim: 25 MiB");
    line("resident, without the pages of files", &mib(served.status("RssAnon:")), "");
}

fn pages(home: &Home, served: &Served, runtime: &tokio::runtime::Runtime) {
    heading(&format!("pages of lists, {CONNECTIONS} connections that stay open"));
    let measure = |what: &str, path: &str, headers: &str, status: u16, aim: &str| {
        let asked = request(&served.key, path, headers);
        let cpu = served.cpu();
        let began = Instant::now();
        let load = runtime.block_on(load(served.port, &asked, status));
        let cores = (served.cpu() - cpu).as_secs_f64() / began.elapsed().as_secs_f64();
        let beside = format!(
            "p50 {:.2} ms, p99 {:.2} ms, {:.1} KiB each; cores: server {cores:.2}, client {:.2}{aim}",
            load.p50.as_secs_f64() * 1e3,
            load.p99.as_secs_f64() * 1e3,
            load.bytes as f64 / 1024.0,
            load.client_cores
        );
        line(what, &format!("{:.0} /s", load.per_second), &beside);
    };
    let lists = ["/api/apps?limit=50", "/api/servers?limit=50", "/api/jobs?limit=50"];
    for path in lists {
        measure(path, path, "", 200, "; aim: 10000 /s");
    }
    for path in lists {
        let first = runtime.block_on(load::ask(served.port, &request(&served.key, path, ""))).unwrap();
        let tag = first.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
        measure(&format!("{path}, If-None-Match"), path, &format!("If-None-Match: {tag}\r\n"), 304, "");
    }
    measure("/api/apps, 500 rows", "/api/apps", "", 200, "");
    let (db, ended) = (home.db(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                db.write(|conn| meta::set(conn, "bench", &n.to_string())).unwrap();
                std::thread::sleep(COMMIT_EVERY);
            }
        });
        let every = COMMIT_EVERY.as_millis();
        let what = format!("{}, a commit every {every} ms", lists[0]);
        measure(&what, lists[0], "", 200, "");
        ended.store(true, Ordering::Relaxed);
    });
    line("resident, behind all of this", &mib(served.status("VmRSS:")), "");
}

/// How long it takes until the process that serves has a job that a command asked for.
fn commands(home: &Home) {
    heading(&format!("a command's job, until `serve` runs it (medians of {COMMANDS})"));
    let (mut from_start, mut from_commit) = (Vec::new(), Vec::new());
    for n in 0..COMMANDS {
        let name = format!("local-{n}");
        home.run(&["server", "add", &name, "--host", "127.0.0.1", "--port", "1", "--offline"]).ok();
        let began = SystemClock.now_ms();
        let id = home.enqueue(&["server", "provision", &name]);
        let waited = Instant::now();
        let taken = loop {
            let found = home.db().read(|conn| attempts::of_job(conn, id)).unwrap();
            if let Some(first) = found.first() {
                break first.started_at;
            }
            assert!(waited.elapsed() < PATIENCE, "job {id} is not taken");
            std::thread::sleep(Duration::from_millis(5));
        };
        from_start.push(taken - began);
        from_commit.push(taken - home.job(id).created_at);
    }
    line("from the command's start", &format!("{} ms", median(from_start)), "aim: 100 ms");
    line("from its commit", &format!("{} ms", median(from_commit)), "");
}

/// A job that this process runs, so that its log is written here.
fn running(home: &Home, db: &Db) -> (Worker, Claim) {
    let now = SystemClock.now_ms();
    let worker = Worker::start(db, &home.dir().join("run"), WorkerKind::Worker, now).unwrap();
    let app = db.read(|conn| apps::find_by_name(conn, "app-7")).unwrap().remove(0);
    let (server, named) = ((app.server_id, app.server_name.as_str()), (app.id, app.name.as_str()));
    let new = NewJob::deploy(server, named, snapshot_of(&app, SHA), "{}".to_owned(), "bench");
    db.write(|conn| enqueue(conn, now, &new)).unwrap();
    let lane = format!("srv:{}", app.server_id);
    let claim = claim_next(db, &lane, &worker, now, 3_600_000).unwrap().unwrap();
    (worker, claim)
}

fn followers(home: &Home, runtime: &tokio::runtime::Runtime) {
    heading(&format!("{FOLLOWERS} followers of one job's log, {LINES} lines, each a commit"));
    let db = home.db();
    let (worker, claim) = running(home, &db);
    let served = Served::start(home, runtime);
    let (port, follow) = (served.port, {
        let path = format!("/api/jobs/{}/log", claim.id());
        request(&served.key, &path, "Accept: text/event-stream\r\n")
    });
    let open = Arc::new(AtomicUsize::new(0));
    let cpu = served.cpu();
    let clients: Vec<_> = runtime.block_on(async {
        let follow = |_| tokio::spawn(lines_of(port, follow.clone(), open.clone()));
        let clients: Vec<_> = (0..FOLLOWERS).map(follow).collect();
        let began = Instant::now();
        while open.load(Ordering::Relaxed) < FOLLOWERS {
            assert!(began.elapsed() < PATIENCE, "{} follow", open.load(Ordering::Relaxed));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        clients
    });
    let (all_follow, began) = (served.cpu(), Instant::now());
    let held = served.status("VmRSS:");
    let bell = Bell::hang(&home.dir().join("run")).unwrap();
    let writer = std::thread::spawn(move || {
        for n in 1..=LINES {
            record::note(&db, &claim, SystemClock.now_ms(), &format!("line {n}")).unwrap();
            bell.ring();
        }
        let written = began.elapsed();
        finish(&db, &claim, SystemClock.now_ms(), &Ending::Succeeded, &Effects::default()).unwrap();
        bell.ring();
        worker.stop(&db).unwrap();
        written
    });
    let told: Vec<usize> = runtime.block_on(async {
        let mut told = Vec::new();
        for client in clients {
            told.push(client.await.unwrap());
        }
        told
    });
    let took = began.elapsed();
    let written = writer.join().unwrap();
    let whole = told.iter().filter(|lines| **lines == LINES).count();
    let lines: usize = told.iter().sum();
    let rate = format!("{:.0} /s", lines as f64 / took.as_secs_f64());
    line("lines told", &rate, &format!("{lines} in {}; written in {}", ms(took), ms(written)));
    line("followers that got all of them", &whole.to_string(), &format!("of {FOLLOWERS}"));
    let (connect, tell) = (all_follow - cpu, served.cpu() - all_follow);
    line("processor time of the server", &ms(tell), &format!("and {} until all followed", ms(connect)));
    line("resident while all follow", &mib(held), &format!("{} at the end", mib(served.status("VmRSS:"))));
    served.end();
}

/// Follows to the end: how many lines came.
async fn lines_of(port: u16, request: Arc<[u8]>, open: Arc<AtomicUsize>) -> usize {
    const LINE: &[u8] = b"event: log\n";
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let (mut room, mut kept, mut lines, mut begun) = (vec![0; 16 * 1024], 0, 0, false);
    loop {
        let count = stream.read(&mut room[kept..]).await.unwrap_or(0);
        if !begun {
            begun = true;
            open.fetch_add(1, Ordering::Relaxed);
        }
        let got = kept + count;
        lines += room[..got].windows(LINE.len()).filter(|bytes| *bytes == LINE).count();
        let ended = room[..got].windows(10).any(|bytes| bytes == b"event: end");
        if count == 0 || ended {
            return lines;
        }
        // What may be the beginning of a word.
        kept = got.min(LINE.len() - 1);
        room.copy_within(got - kept..got, 0);
    }
}

/// Whether the time tells how much of a key was right.
fn keys(home: &Home) {
    heading(&format!("the first key, looked at (medians of {LOOKS}; in this process)"));
    let home = infrakt::config::Home::at(home.dir());
    let service = Service::open(home, Arc::new(SystemClock), Ssh::start(), None).unwrap();
    let right = service.first_key().unwrap().into_inner();
    let other = |letter: &str| if letter == "A" { "B" } else { "A" };
    let first = format!("{}{}", other(&right[..1]), &right[1..]);
    let last = format!("{}{}", &right[..right.len() - 1], other(&right[right.len() - 1..]));
    let mut times: [Vec<Duration>; 3] = Default::default();
    for _ in 0..LOOKS {
        for (key, times) in [&right, &first, &last].into_iter().zip(&mut times) {
            let began = Instant::now();
            let known = service.is_first_key(key).unwrap();
            times.push(began.elapsed());
            assert_eq!(known.is_some(), *key == right);
        }
    }
    let [right, first, last] = times.map(|times| format!("{:.2} µs", median(times).as_secs_f64() * 1e6));
    line("the right one", &right, "");
    line("wrong in its first letter", &first, "hashes are compared, in constant time");
    line("wrong in its last letter", &last, "");
}

/// Jobs that have ended, as busy weeks would have left them: older ones a process that serves sweeps away.
fn remember(home: &Home) {
    let now = SystemClock.now_ms();
    let mut conn = SqliteConnection::establish(&home.dir().join("infrakt.db").display().to_string()).unwrap();
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000;
         INSERT INTO lane(id) VALUES ('srv:1');
         INSERT INTO job(uid, kind, title, lane, server_id, app_id, server_name, app_name, state, run_at, args, requested_by, created_at,
             started_at, finished_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {JOBS})
         SELECT 'past-' || i, 'deploy', 'deploy app-0', 'srv:1', 1, 1, 'server-0', 'app-0', 'succeeded', {now}, '{{}}', 'bench', {now}, {now}, {now} + i
         FROM n"
    ))
    .unwrap();
}

/// A follower is two open files on this machine.
fn more_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: it writes into a live value.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max.min(65_536);
        // SAFETY: it reads a live value; children inherit what it sets.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    }
}
