//! What a claim costs when a million jobs have finished. In memory, so that the disk's syncs do not hide it.

use crate::figures::{heading, line, median};
use crate::queue::Lane;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use infrakt::store::meta;
use std::path::Path;
use std::time::{Duration, Instant};

const FINISHED: usize = 1_000_000;
const CLAIMS: usize = 201;

pub fn run() {
    heading("a claim, with and without a past (medians; database in memory)");
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let lane = Lane::alone(dir.path());
    let fresh = median_claim(&lane);
    // Another value each time: what is the same already is not written.
    let mut n = 0..;
    let mut one_row = || lane.db.write(|conn| meta::set(conn, "bench", &format!("{:?}", n.next()))).unwrap();
    let least = median_of(&mut one_row);
    line("a transaction that writes one row", &micros(least), "the least that any costs here");
    line("in a fresh home", &micros(fresh), &format!("{:.1} of the least", fresh.as_secs_f64() / least.as_secs_f64()));
    remember(&dir.path().join("infrakt.db"));
    let full = median_claim(&lane);
    let beside = format!("{:.2} of that in a fresh home; aim: 50 µs", full.as_secs_f64() / fresh.as_secs_f64());
    line(&format!("behind {FINISHED} finished jobs"), &micros(full), &beside);
    lane.worker.stop(&lane.db).unwrap();
}

fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

fn median_claim(lane: &Lane) -> Duration {
    let claim = || {
        lane.enqueue();
        let began = Instant::now();
        let claim = lane.claim();
        let took = began.elapsed();
        lane.finish(&claim);
        took
    };
    median((0..CLAIMS).map(|_| claim()).collect())
}

fn median_of(mut work: impl FnMut()) -> Duration {
    let mut timed = || {
        let began = Instant::now();
        work();
        began.elapsed()
    };
    median((0..CLAIMS).map(|_| timed()).collect())
}

/// Writes finished jobs as years of work would have left them.
fn remember(db: &Path) {
    let mut conn = SqliteConnection::establish(&db.display().to_string()).unwrap();
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000; PRAGMA synchronous = OFF;
         INSERT INTO job(uid, kind, title, lane, server_id, app_id, server_name, app_name, state, run_at, args, requested_by, created_at,
             started_at, finished_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {FINISHED})
         SELECT 'past-' || i, 'deploy', 'deploy app-0', 'srv:1', 1, 1, 'server-0', 'app-0', 'succeeded', i, '{{}}', 'bench', i, i, i + 1
         FROM n"
    ))
    .unwrap();
}
