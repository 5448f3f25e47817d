//! Forgets what is old: finished jobs with their logs, events, answers. In small transactions, so that no writer waits for long.

use super::error::QueueError;
use crate::store::{Db, events, idempotency, jobs};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Rows a transaction.
const BATCH: i64 = 200;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub job_age_ms: i64,
    pub jobs: i64,
    pub event_age_ms: i64,
    pub events: i64,
}

impl Default for Keep {
    /// Events: a follower that was away for longer is told to start anew. Jobs: a quarter of a year, and never more rows than a
    /// home's database should carry with their logs.
    fn default() -> Self {
        Self { job_age_ms: 90 * DAY_MS, jobs: 100_000, event_age_ms: 7 * DAY_MS, events: 1_000_000 }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    pub jobs: usize,
    pub events: usize,
    pub answers: usize,
}

/// Forgets what is beyond `keep`. Jobs that have not ended stay, however old.
pub fn prune(db: &Db, now: i64, keep: &Keep) -> Result<Pruned, QueueError> {
    // Looked up beside the writers, not among them: it walks as many rows as are kept.
    let by_count = db.read(|conn| jobs::end_of_newest(conn, keep.jobs))?;
    let job_limit = now.saturating_sub(keep.job_age_ms).max(by_count.unwrap_or(i64::MIN));
    let event_limit = now.saturating_sub(keep.event_age_ms);
    Ok(Pruned {
        jobs: in_batches(|| db.write(|conn| jobs::prune(conn, job_limit, BATCH)))?,
        events: in_batches(|| db.write(|conn| events::prune(conn, event_limit, keep.events, BATCH)))?,
        answers: in_batches(|| db.write(|conn| idempotency::prune(conn, now, BATCH)))?,
    })
}

fn in_batches<E>(mut batch: impl FnMut() -> Result<usize, E>) -> Result<usize, E> {
    let mut all = 0;
    loop {
        let some = batch()?;
        all += some;
        if (some as i64) < BATCH {
            return Ok(all);
        }
    }
}
