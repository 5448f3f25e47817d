//! Ways in which a running job leaves its owner without having ended: it waits for a time, for a person, or for its lane.

use super::answer::{PauseReason, pause_lane};
use super::claim::Claim;
use super::error::QueueError;
use super::event;
use super::finish::{self, Effects, Ending};
use super::record::{met, owned};
use super::statuses::{self, Outcome};
use crate::domain::job::{Job, JobEvent};
use crate::domain::retry;
use crate::store::{Conn, Db, StoreError, attempts, jobs, lanes, running};
use std::time::Duration;

/// When and why it is to be tried again.
#[derive(Clone, Debug)]
pub struct PutBack {
    pub run_at: i64,
    /// Shown to people while it waits; none where it just goes on (its process drains).
    pub reason: Option<String>,
    /// A step, or a connection before the first one, ended transient: one of the job's attempts is used.
    pub counts: bool,
}

/// What became of a job that was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutBackOutcome {
    Queued,
    /// It had not begun and a newer one of its kind waits: it ended in that one's favour.
    Superseded {
        by: i64,
    },
    /// It had not begun and a cancel was asked for: it ended.
    Cancelled,
    /// A person is asked.
    Asked,
}

/// Puts the job back: it waits as queued, and keeps its lane if it has begun.
pub fn put_back(db: &Db, claim: &Claim, now: i64, back: &PutBack) -> Result<PutBackOutcome, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        put_back_in(conn, claim, now, &job, back)
    })
}

/// Puts the job back and pauses its lane in the same transaction: no other owner comes in between. A cancel is claimed in a paused lane
/// too: it is tried again at intervals, and a person is asked when that has not helped for long.
pub fn put_back_and_pause(
    db: &Db,
    claim: &Claim,
    now: i64,
    reason: &PauseReason,
) -> Result<PutBackOutcome, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        pause_lane(conn, now, &job.lane, job.server_id, reason)?;
        let Some(asked_at) = job.cancel_at.filter(|_| job.has_begun()) else {
            return put_back_in(conn, claim, now, &job, &PutBack { run_at: now, reason: None, counts: false });
        };
        if now - asked_at >= millis(retry::LOST_GRACE) {
            let question = format!(
                "cancel not confirmed: {reason}\nhint: `infrakt server trust {}`, then cancel it again; `infrakt job resolve {} --fail` gives it up",
                job.server_name, job.id
            );
            met(claim, ask_person(conn, now, &job, &question, job.rescues)?)?;
            event::job(conn, now, job.id)?;
            return Ok(PutBackOutcome::Asked);
        }
        let run_at = now + millis(Duration::from_secs(retry::CANCEL_DELAY_S));
        put_back_in(conn, claim, now, &job, &PutBack { run_at, reason: Some(reason.to_string()), counts: false })
    })
}

pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 2)
}

pub(super) fn put_back_in(
    conn: &mut Conn,
    claim: &Claim,
    now: i64,
    job: &Job,
    back: &PutBack,
) -> Result<PutBackOutcome, QueueError> {
    if job.cancel_at.is_some() && !job.has_begun() {
        finish::end(conn, now, job, &Ending::Cancelled, &Effects::default())?;
        return Ok(PutBackOutcome::Cancelled);
    }
    let mut back = back.clone();
    // A cancel does not wait for a backoff that began without it. One that this owner was claimed for does: otherwise what fails at once
    // would be claimed at once, for ever.
    if job.cancel_at.is_some() && claim.job().cancel_at.is_none() {
        back.run_at = back.run_at.min(now);
    }
    let attempt = job.attempt + i32::from(back.counts);
    requeue(conn, claim.fence(), now, job, Requeue { back: &back, attempt, rescues: job.rescues, outcome: "put_back" })
}

pub(crate) struct Requeue<'a> {
    pub back: &'a PutBack,
    pub attempt: i32,
    pub rescues: i32,
    /// For the record of the attempt.
    pub outcome: &'a str,
}

/// Running → queued; or → cancelled, when it has not begun and a newer one of its coalesce key waits (the table holds one).
pub(crate) fn requeue(
    conn: &mut Conn,
    fence: i64,
    now: i64,
    job: &Job,
    how: Requeue<'_>,
) -> Result<PutBackOutcome, QueueError> {
    let gone = |rows: usize| if rows == 1 { Ok(()) } else { Err(QueueError::Fenced { job: job.id }) };
    debug_assert_eq!(job.fence, fence, "the row was read under this claim");
    let newer = match &job.coalesce_key {
        Some(key) if !job.has_begun() => jobs::waiting_with_coalesce_key(conn, key)?,
        _ => None,
    };
    let reason = how.back.reason.as_deref();
    let outcome = if let Some(newer) = newer {
        let state = event::next(job, &[JobEvent::PutBack, JobEvent::Supersede])?;
        statuses::apply(conn, now, job, &Outcome::UNBEGUN)?;
        let (failure, result) = (statuses::superseded(newer.id), statuses::superseded_result(newer.id));
        let ended = running::finish(conn, job, now, state, Some(&failure), Some(&result))?;
        gone(usize::from(ended.is_some()))?;
        lanes::free(conn, &job.lane, job.id)?;
        PutBackOutcome::Superseded { by: newer.id }
    } else {
        event::next(job, &[JobEvent::PutBack])?;
        gone(running::put_back(conn, job, how.back.run_at, reason, how.attempt, how.rescues)?)?;
        lanes::stop_running(conn, &job.lane, job.id)?;
        PutBackOutcome::Queued
    };
    attempts::end(conn, now, job, how.outcome, reason)?;
    event::job(conn, now, job.id)?;
    Ok(outcome)
}

/// The job cannot go on without a person's answer to `question`. It keeps its lane, begun or not. The run in question stays
/// `started`: [`super::answer::resolve`] says what becomes of it.
pub fn need_person(db: &Db, claim: &Claim, now: i64, question: &str) -> Result<Job, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        met(claim, ask_person(conn, now, &job, question, job.rescues)?)?;
        event::job(conn, now, job.id)
    })
}

pub(crate) fn ask_person(
    conn: &mut Conn,
    now: i64,
    job: &Job,
    question: &str,
    rescues: i32,
) -> Result<usize, QueueError> {
    event::next(job, &[JobEvent::NeedPerson])?;
    let rows = running::need_person(conn, job, question, rescues)?;
    lanes::stop_running(conn, &job.lane, job.id)?;
    lanes::hold(conn, &job.lane, job.id)?;
    attempts::end(conn, now, job, "attention", Some(question))?;
    Ok::<_, StoreError>(rows).map_err(Into::into)
}
