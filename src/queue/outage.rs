//! A server that cannot be reached before a job's first step. The outage is the lane's: whatever waits there waits for the same server,
//! in its order, and the outage fails one job of them at most.

use super::claim::Claim;
use super::error::QueueError;
use super::put_back::{PutBack, millis, put_back_in};
use super::record::owned;
use crate::domain::failure::Failure;
use crate::domain::job::lane_of_server;
use crate::store::lanes::{self, Outage};
use crate::store::{Conn, Db, StoreError, jobs, servers};
use std::time::Duration;

/// So long behind a try that was due and that nobody made, the next one that fails is of an outage of its own.
const FORGOTTEN_MS: i64 = 10 * 60 * 1000;

/// A try that did not reach the server.
#[derive(Clone, Debug)]
pub struct Unreached<'a> {
    pub failure: &'a Failure,
    /// Until this job's next try; none: its tries are spent.
    pub own: Option<Duration>,
    /// Until the next try of a job that the outage does not fail.
    pub spared: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreachedOutcome {
    /// The job is put back, at its place; its lane backs off.
    Waits,
    /// Its tries are spent: the owner fails it. What waits behind it is spared.
    Spent,
}

/// The server was not reached before the job's first step.
pub fn unreached(db: &Db, claim: &Claim, now: i64, how: &Unreached<'_>) -> Result<UnreachedOutcome, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let before = lanes::find(conn, &job.lane)?.and_then(|lane| lane.outage);
        let before = before.filter(|outage| now - outage.retry_at < FORGOTTEN_MS);
        let mut spared = before.as_ref().and_then(|outage| outage.spared);
        let is_spared = spared >= Some(job.id);
        let delay = if is_spared { Some(how.spared) } else { how.own };
        if delay.is_none() {
            spared = spared.max(jobs::newest_waiting(conn, &job.lane)?);
        }
        let outage = Outage {
            since: before.as_ref().map_or(now, |outage| outage.since),
            tries: before.as_ref().map_or(0, |outage| outage.tries) + 1,
            reason: how.failure.text.clone(),
            retry_at: now + millis(delay.unwrap_or(how.spared)),
            spared,
        };
        lanes::set_outage(conn, &job.lane, &outage)?;
        if delay.is_none() {
            return Ok(UnreachedOutcome::Spent);
        }
        let back = PutBack { run_at: now, reason: Some(outage.reason), counts: !is_spared };
        put_back_in(conn, claim, now, &job, &back)?;
        Ok(UnreachedOutcome::Waits)
    })
}

/// The server answered somebody: what waits for it goes on at once.
pub fn server_answered(conn: &mut Conn, now: i64, server_id: i64) -> Result<(), StoreError> {
    servers::seen(conn, server_id, now)?;
    is_over(conn, server_id)
}

/// There is a new way to the server, or it answered.
pub fn is_over(conn: &mut Conn, server_id: i64) -> Result<(), StoreError> {
    lanes::end_outage(conn, &lane_of_server(server_id))
}
