//! Takes a lane's next job: from here on its owner, and nobody else, may write to it.

use super::error::QueueError;
use super::worker::Worker;
use super::{event, retry};
use crate::domain::job::Job;
use crate::store::{Conn, Db, lanes, meta, running};

const OWN_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The right to write to a running job. Made by [`claim_next`] alone, and good until somebody else claims the job.
#[derive(Clone, Debug)]
pub struct Claim {
    job: Job,
    worker: String,
}

impl Claim {
    /// The job as it was claimed. [`super::record::reload`] reads it anew.
    pub fn job(&self) -> &Job {
        &self.job
    }

    pub fn id(&self) -> i64 {
        self.job.id
    }

    pub fn lane(&self) -> &str {
        &self.job.lane
    }

    /// The lane's epoch under which this owner acts, here and on the server.
    pub fn fence(&self) -> i64 {
        self.job.fence
    }

    pub fn worker(&self) -> &str {
        &self.worker
    }

    pub(crate) fn set_fence(&mut self, fence: i64) {
        self.job.fence = fence;
    }
}

/// Takes the lane's next job: the one that holds the lane, or the oldest. Where that one waits for a time, nobody overtakes it.
/// [`QueueError::TooOld`]: the database asks for a newer program; drain and end.
pub fn claim_next(db: &Db, lane: &str, worker: &Worker, now: i64, lease_ms: i64) -> Result<Option<Claim>, QueueError> {
    db.write(|conn| {
        check_version(conn)?;
        let Some(job) = running::claim(conn, lane, worker.id(), now, lease_ms)? else { return Ok(None) };
        if job.retry_of.is_some() && !job.has_begun() {
            retry::take_over_done_steps(conn, now, &job)?;
        }
        event::of_job(conn, now, &job)?;
        Ok(Some(Claim { job, worker: worker.id().to_owned() }))
    })
}

/// Lanes with a job that is due and may be claimed.
pub fn lanes_with_work(db: &Db, now: i64) -> Result<Vec<String>, QueueError> {
    Ok(db.read(|conn| lanes::with_work(conn, now))?)
}

/// When the next job that could go on but for the time will be due. None: none waits for a time alone.
pub fn next_due(db: &Db, now: i64) -> Result<Option<i64>, QueueError> {
    Ok(db.read(|conn| lanes::next_ready(conn, now))?)
}

fn check_version(conn: &mut Conn) -> Result<(), QueueError> {
    match meta::min_writer(conn)? {
        Some(needs) if is_above(&needs, OWN_VERSION) => Err(QueueError::TooOld { needs, own: OWN_VERSION }),
        _ => Ok(()),
    }
}

/// Compares `major.minor.patch`. What is no number counts as the highest: a version nobody here can read is a newer one.
fn is_above(needs: &str, own: &str) -> bool {
    let parts = |version: &str| -> Vec<u64> {
        version.split(['-', '+']).next().unwrap_or("").split('.').map(|p| p.parse().unwrap_or(u64::MAX)).collect()
    };
    parts(needs) > parts(own)
}

#[cfg(test)]
mod tests {
    use super::is_above;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(is_above("0.10.0", "0.9.9"));
        assert!(is_above("1.0.0", "0.99.0"));
        assert!(!is_above("0.2.0", "0.2.0"));
        assert!(!is_above("0.1.9", "0.2.0"));
        assert!(is_above("next", "0.2.0"));
    }
}
