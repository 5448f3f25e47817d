//! Several processes on one home: the test binary runs itself as the others.

use crate::world::{START_MS, World};
use infrakt::clock::{Clock, SystemClock};
use infrakt::domain::job::{JobKind, JobState};
use infrakt::domain::step::StepState;
use infrakt::queue::claim::{claim_next, lanes_with_work};
use infrakt::queue::enqueue::{NewJob, enqueue};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::record::{self, Intent, LogPart, StepEnd};
use infrakt::queue::recover::take_over_dead;
use infrakt::queue::wake::Bell;
use infrakt::queue::{Claim, LEASE_MS, Worker, WorkerKind, view};
use infrakt::store::jobs::Filter;
use infrakt::store::{Db, Page, StoreError, apps, attempts, deployments, jobs, lanes, logs, servers};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ENQUEUERS: usize = 8;
const EACH: usize = 50;
const RUNNERS: usize = 4;
const LANES: usize = 4;

/// Long enough that only a hang runs into it.
const DEADLINE: Duration = Duration::from_secs(300);

/// Runs this binary as another process of the home.
fn start(world: &World, role: &str, number: usize) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::another_process", "--nocapture"])
        .env("INFRAKT_TEST_ROLE", role)
        .env("INFRAKT_TEST_DIR", world.dir())
        .env("INFRAKT_TEST_NUMBER", number.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What the processes started above do; without the variables there is nothing to do.
#[test]
fn another_process() {
    let Ok(role) = std::env::var("INFRAKT_TEST_ROLE") else { return };
    let dir = PathBuf::from(std::env::var("INFRAKT_TEST_DIR").unwrap());
    let number: usize = std::env::var("INFRAKT_TEST_NUMBER").unwrap().parse().unwrap();
    let db = Db::open(&dir.join("infrakt.db")).unwrap();
    match role.as_str() {
        "enqueue" => enqueue_many(&db, &dir, number),
        "run" => run_until_all_is_done(&db, &dir),
        "work" => work_for_ever(&db, &dir, number),
        "hold" => hold_a_job_with_a_child(&db, &dir),
        other => panic!("no role {other}"),
    }
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
    out.flush().unwrap();
}

fn enqueue_many(db: &Db, dir: &Path, number: usize) {
    let bell = Bell::hang(&dir.join("run")).unwrap();
    let all = db.read(|conn| servers::list(conn, Page::all())).unwrap();
    for n in 0..EACH {
        let server = &all[(number + n) % LANES];
        let mut new = NewJob::provision(server.id, &server.name, "{}".to_owned(), "anna");
        new.title = format!("from {number}, {n}");
        new.unique_key = None;
        db.write(|conn| enqueue(conn, START_MS, &new)).unwrap();
        bell.ring();
    }
}

fn run_until_all_is_done(db: &Db, dir: &Path) {
    let worker = Worker::start(db, &dir.join("run"), WorkerKind::Worker, SystemClock.now_ms()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let deadline = Instant::now() + DEADLINE;
    runtime.block_on(async {
        let bell = Bell::hang(&dir.join("run")).unwrap();
        let carrier = tokio::spawn({
            let (bell, db) = (bell.clone(), db.clone());
            async move { bell.carry(db).await }
        });
        let mut listener = bell.listen();
        while db.read(|conn| jobs::count(conn, JobState::Succeeded)).unwrap() < (ENQUEUERS * EACH) as i64 {
            assert!(Instant::now() < deadline, "the queue does not empty");
            let mut ran = false;
            for lane in lanes_with_work(db, SystemClock.now_ms()).unwrap() {
                if let Some(claim) = claim_next(db, &lane, &worker, SystemClock.now_ms(), LEASE_MS).unwrap() {
                    run_alone(db, dir, &claim);
                    bell.ring();
                    ran = true;
                }
            }
            if !ran {
                listener.heard().await;
            }
        }
        carrier.abort();
        let _ = carrier.await;
    });
    worker.stop(db).unwrap();
}

/// A lock outside of the database is the witness that nobody else runs in the lane.
fn run_alone(db: &Db, dir: &Path, claim: &Claim) {
    let witness = File::create(dir.join(claim.lane().replace(':', "-"))).unwrap();
    witness.try_lock().expect("two jobs run in one lane");
    do_step(db, claim, 1, b"done\n");
    witness.unlock().unwrap();
    finish(db, claim, SystemClock.now_ms(), &Ending::Succeeded, &Effects::default()).unwrap();
}

fn do_step(db: &Db, claim: &Claim, seq: i32, log: &[u8]) {
    let now = SystemClock.now_ms();
    let intent =
        Intent { seq, run: 1, name: "step", script_sha256: "00", on_lost: infrakt::domain::step::OnLost::Rerun };
    let step = record::begin_step(db, claim, now, &intent).unwrap();
    let part = LogPart { seq, run: 1, from: step.log_off, to: step.log_off + log.len() as i64, bytes: log };
    record::append_log(db, claim, now, &part).unwrap();
    let end = StepEnd {
        seq,
        run: 1,
        state: StepState::Succeeded,
        exit_code: Some(0),
        exit_reason: None,
        output: None,
        failure: None,
    };
    record::end_step(db, claim, now, &end).unwrap();
}

/// Asks for deploys and runs them, one line said per commit, until somebody kills it.
fn work_for_ever(db: &Db, dir: &Path, number: usize) {
    let worker = Worker::start(db, &dir.join("run"), WorkerKind::Worker, SystemClock.now_ms()).unwrap();
    let app = db.read(|conn| apps::find(conn, 1)).unwrap().unwrap();
    let lane = format!("srv:{}", app.server_id);
    for n in 0.. {
        let snapshot = crate::world::snapshot_of(&app, &format!("{number}-{n}"));
        let new =
            NewJob::deploy((app.server_id, &app.server_name), (app.id, &app.name), snapshot, "{}".to_owned(), "anna");
        let job = db.write(|conn| enqueue(conn, SystemClock.now_ms(), &new)).unwrap().into_job();
        say(&format!("accepted {}", job.id));
        while let Some(claim) = claim_next(db, &lane, &worker, SystemClock.now_ms(), LEASE_MS).unwrap() {
            assert_eq!(claim.job().kind, JobKind::Deploy);
            let from = claim.job().rescues * 3;
            for seq in from + 1..from + 4 {
                do_step(db, &claim, seq, format!("step {seq}\n").as_bytes());
                say("stepped");
            }
            finish(db, &claim, SystemClock.now_ms(), &Ending::Succeeded, &Effects::default()).unwrap();
            say(&format!("finished {}", claim.id()));
        }
    }
}

fn hold_a_job_with_a_child(db: &Db, dir: &Path) {
    let worker = Worker::start(db, &dir.join("run"), WorkerKind::Worker, SystemClock.now_ms()).unwrap();
    let claim = claim_next(db, "srv:1", &worker, SystemClock.now_ms(), LEASE_MS).unwrap().unwrap();
    let mut child = Command::new("sleep").arg("600").stdout(Stdio::null()).spawn().unwrap();
    say(&format!("holding {} {}", claim.id(), child.id()));
    child.wait().unwrap();
}

/// The next line a process says about itself (the test harness says some too).
fn next_line(lines: &mut impl Iterator<Item = std::io::Result<String>>, words: &[&str]) -> String {
    loop {
        let line = lines.next().expect("the process has ended").unwrap();
        if words.iter().any(|word| line.starts_with(word)) {
            return line;
        }
    }
}

#[test]
fn eight_processes_ask_while_four_run_and_nothing_is_lost_doubled_or_overtaken() {
    let world = World::new().server("a").server("b").server("c").server("d");
    let roles = (0..RUNNERS).map(|n| ("run", n)).chain((0..ENQUEUERS).map(|n| ("enqueue", n)));
    let children: Vec<_> = roles.map(|(role, n)| (role, start(&world, role, n))).collect();
    for (role, child) in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{role}: {}", String::from_utf8_lossy(&output.stdout));
    }
    let all = world.db.read(|conn| jobs::list(conn, &Filter::default(), Page::all())).unwrap();
    assert_eq!(all.len(), ENQUEUERS * EACH);
    let mut by_lane: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for job in &all {
        assert_eq!(job.state, JobState::Succeeded, "{}", job.title);
        let attempts = world.db.read(|conn| attempts::of_job(conn, job.id)).unwrap();
        assert_eq!(attempts.len(), 1, "{} was claimed once", job.title);
        by_lane.entry(job.lane.clone()).or_default().push((attempts[0].fence, job.id));
    }
    assert_eq!(by_lane.len(), LANES);
    for (lane, mut order) in by_lane {
        order.sort_unstable();
        assert!(order.is_sorted_by_key(|(_, id)| *id), "{lane}: not the oldest first: {order:?}");
        let epoch = world.db.read(|conn| lanes::find(conn, &lane)).unwrap().unwrap().epoch;
        assert_eq!(order.iter().map(|(fence, _)| *fence).collect::<Vec<_>>(), (1..=epoch).collect::<Vec<_>>());
    }
    take_over_dead(&world.db, &world.run_dir(), world.now()).unwrap();
    for server in ["a", "b", "c", "d"] {
        assert!(world.dir().join(world.lane(server).replace(':', "-")).exists());
    }
}

#[test]
fn a_process_killed_at_any_instant_leaves_a_consistent_file_and_nothing_accepted_is_lost() {
    let world = World::new().server("a").app("blog");
    for round in 0..15 {
        let mut child = start(&world, "work", round);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut accepted, mut finished) = (Vec::new(), Vec::new());
        // Another instant each round: after so many commits, and wherever the process has come to meanwhile.
        for _ in 0..3 + round * 2 {
            let line = next_line(&mut lines, &["accepted", "stepped", "finished"]);
            let number = line.split(' ').nth(1).map(|n| n.parse::<i64>().unwrap());
            match line.split(' ').next() {
                Some("accepted") => accepted.extend(number),
                Some("finished") => finished.extend(number),
                _ => {}
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        world.db.check().unwrap();
        for id in accepted {
            world.find_job(id);
        }
        for id in finished {
            assert_eq!(world.find_job(id).state, JobState::Succeeded);
        }
        check_consistency(&world);
        take_over_dead(&world.db, &world.run_dir(), SystemClock.now_ms()).unwrap();
        assert!(world.db.read(jobs::running).unwrap().is_empty());
        check_consistency(&world);
    }
    // The next process goes on with what the killed ones left.
    let mut child = start(&world, "work", 99);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    next_line(&mut lines, &["finished"]);
    child.kill().unwrap();
    child.wait().unwrap();
    take_over_dead(&world.db, &world.run_dir(), SystemClock.now_ms()).unwrap();
}

/// What one transaction writes is there as a whole or not at all.
fn check_consistency(world: &World) {
    world
        .db
        .read(|conn| {
            let all = jobs::list(conn, &Filter::default(), Page::all())?;
            let lane = lanes::find(conn, "srv:1")?.unwrap();
            let running: Vec<i64> = all.iter().filter(|j| j.state == JobState::Running).map(|j| j.id).collect();
            assert_eq!(lane.running_job.into_iter().collect::<Vec<_>>(), running);
            let held: Vec<i64> = all.iter().filter(|j| j.has_begun() && !j.state.is_final()).map(|j| j.id).collect();
            assert_eq!(lane.held_by.into_iter().collect::<Vec<_>>(), held);
            let app = apps::find(conn, 1)?.unwrap();
            assert_eq!(app.status.as_str() == "deploying", !held.is_empty());
            for job in &all {
                let deployment = deployments::find(conn, job.deployment_id.unwrap())?.unwrap();
                assert_eq!(deployment.finished_at.is_some(), job.state.is_final(), "job {}", job.id);
                assert!(deployments::spec(conn, deployment.id)?.is_some());
                let chunks = logs::after(conn, job.id, 0, i64::MAX)?;
                assert!(chunks.iter().map(|c| c.seq).eq(1..=chunks.len() as i64), "job {}: the log is dense", job.id);
                for step in view::steps(conn, job.id).unwrap() {
                    let stored: usize =
                        chunks.iter().filter(|c| c.step_seq == Some(step.seq)).map(|c| c.bytes.len()).sum();
                    assert_eq!(stored as i64, step.log_off, "job {} step {}", job.id, step.seq);
                }
            }
            assert!(deployments::orphans(conn)?.is_empty());
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

#[test]
fn the_job_of_a_killed_process_is_taken_over_although_its_child_lives_on() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let mut child = start(&world, "hold", 0);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = next_line(&mut lines, &["holding"]);
    let grandchild: i32 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(take_over_dead(&world.db, &world.run_dir(), SystemClock.now_ms()).unwrap().is_empty(), "it lives");
    child.kill().unwrap();
    child.wait().unwrap();
    let since = Instant::now();
    let taken = take_over_dead(&world.db, &world.run_dir(), SystemClock.now_ms()).unwrap();
    eprintln!("taken over {:?} after its death", since.elapsed());
    assert_eq!(taken.iter().map(|t| t.job).collect::<Vec<_>>(), [job.id]);
    assert_eq!(unsafe { libc::kill(grandchild, libc::SIGKILL) }, 0, "the child of the killed process lived");
    world.clock.set(SystemClock.now_ms());
    let claim = world.claim("a");
    world.finish(&claim, Ending::Succeeded);
}
