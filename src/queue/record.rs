//! What the owner of a claimed job writes while it runs: plan, steps, log, lease. Each call looks, in its own transaction, whether
//! the claim still stands.

use super::claim::Claim;
use super::error::QueueError;
use super::{LEASE_MS, STEP_LOG_KEPT, event, statuses};
use crate::domain::failure::Failure;
use crate::domain::job::{Job, JobStep};
use crate::domain::plan::{StoredPlan, UNDO_SEQ};
use crate::domain::step::{OnLost, StepId, StepState};
use crate::store::{Conn, Db, StoreError, attempts, lanes, logs, running, steps};

/// The job, if the claim still stands. Inside a transaction that may write this holds until its end.
pub(crate) fn owned(conn: &mut Conn, claim: &Claim) -> Result<Job, QueueError> {
    running::owned(conn, claim.id(), claim.fence())?.ok_or(QueueError::Fenced { job: claim.id() })
}

/// A statement behind [`owned`] must have met the row.
pub(crate) fn met(claim: &Claim, rows: usize) -> Result<(), QueueError> {
    if rows == 1 { Ok(()) } else { Err(QueueError::Fenced { job: claim.id() }) }
}

/// The job as it is now: cancel asked for, answer given, failure stored.
pub fn reload(db: &Db, claim: &Claim) -> Result<Job, QueueError> {
    db.read(|conn| owned(conn, claim))
}

/// Holds the claim for another `lease_ms`; the job as it is now.
pub fn renew(db: &Db, claim: &Claim, now: i64, lease_ms: i64) -> Result<Job, QueueError> {
    db.write(|conn| {
        met(claim, running::renew(conn, claim.id(), claim.fence(), now + lease_ms)?)?;
        owned(conn, claim)
    })
}

/// Writes the plan at the first claim; every later owner follows it.
pub fn record_plan(db: &Db, claim: &Claim, version: i64, plan: &StoredPlan) -> Result<(), QueueError> {
    let text = serde_json::to_string(plan).map_err(|e| StoreError::Unreadable(e.to_string()))?;
    db.write(|conn| {
        let job = owned(conn, claim)?;
        met(claim, running::set_plan(conn, &job, version, &text)?)
    })
}

/// A step about to be started.
#[derive(Clone, Debug)]
pub struct Intent<'a> {
    pub seq: i32,
    pub run: i32,
    pub name: &'a str,
    /// Lower-case hex.
    pub script_sha256: &'a str,
    pub on_lost: OnLost,
}

/// Writes the intent before the step is started, and renews the lease with it. With a job's first step it takes the lane and
/// derives the statuses. An intent that stands already is the new owner's. [`QueueError::Cancelling`] where a cancel was asked for
/// (clean-up steps are begun all the same).
pub fn begin_step(db: &Db, claim: &Claim, now: i64, intent: &Intent<'_>) -> Result<JobStep, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let (seq, run) = (intent.seq, intent.run);
        let stands = steps::find(conn, job.id, seq, run)?.is_some();
        if job.cancel_at.is_some() && seq < UNDO_SEQ && !stands {
            return Err(QueueError::Cancelling { job: job.id });
        }
        let remote_id = StepId::new(&job.uid, seq, run);
        let insert = steps::Insert {
            seq,
            run,
            name: intent.name,
            remote_id: remote_id.as_str(),
            script_sha256: intent.script_sha256,
            on_lost: intent.on_lost,
        };
        let step = steps::begin(conn, now, job.id, job.fence, &insert)?.ok_or(QueueError::NoSuchRun {
            job: job.id,
            seq,
            run,
        })?;
        if !job.has_begun() {
            let before = statuses::begin(conn, now, &job)?;
            met(claim, running::set_begun(conn, &job, now, before.as_deref())?)?;
            lanes::hold(conn, &job.lane, job.id)?;
            lanes::end_outage(conn, &job.lane)?;
            event::job(conn, now, job.id)?;
        }
        met(claim, running::renew(conn, job.id, job.fence, now + LEASE_MS)?)?;
        clear_answer(conn, claim, &job)?;
        event::step(conn, now, &job, &step)?;
        Ok(step)
    })
}

/// How a step's run ended.
#[derive(Clone, Debug)]
pub struct StepEnd<'a> {
    pub seq: i32,
    pub run: i32,
    /// Any but `started`.
    pub state: StepState,
    pub exit_code: Option<i32>,
    pub exit_reason: Option<&'a str>,
    /// JSON object: the facts its markers told.
    pub output: Option<&'a str>,
    /// Why the job will fail, when clean-up follows: the next owner goes on with the clean-up.
    pub failure: Option<&'a Failure>,
}

/// Writes the result of a run. A done step forgives the take-overs before it.
pub fn end_step(db: &Db, claim: &Claim, now: i64, end: &StepEnd<'_>) -> Result<JobStep, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let (seq, run) = (end.seq, end.run);
        let missing = QueueError::NoSuchRun { job: job.id, seq, run };
        let Some((log_off, log_kept)) = steps::log_position(conn, job.id, seq, run)? else { return Err(missing) };
        if !end.state.is_over() {
            return Err(missing);
        }
        steps::end(conn, now, job.id, seq, run, end.state, end.exit_code, end.exit_reason, end.output)?;
        if log_kept >= STEP_LOG_KEPT && log_off > log_kept {
            append_note(conn, now, &job, &format!("{} bytes of this step's log were not kept", log_off - log_kept))?;
        }
        if end.state.is_done() {
            met(claim, running::reset_rescues(conn, &job)?)?;
        }
        if let Some(failure) = end.failure {
            met(claim, running::set_failure(conn, &job, failure)?)?;
        }
        clear_answer(conn, claim, &job)?;
        let step = steps::find(conn, job.id, seq, run)?.ok_or(missing)?;
        event::step(conn, now, &job, &step)?;
        Ok(step)
    })
}

/// Writes why the job will fail, where no step's end carries it (a person answered `fail`), before the clean-up begins.
pub fn set_failure(db: &Db, claim: &Claim, failure: &Failure) -> Result<(), QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        met(claim, running::set_failure(conn, &job, failure)?)?;
        clear_answer(conn, claim, &job)
    })
}

/// The person's answer has been acted on.
fn clear_answer(conn: &mut Conn, claim: &Claim, job: &Job) -> Result<(), QueueError> {
    if job.resolution.is_some() {
        met(claim, running::clear_resolution(conn, job)?)?;
    }
    Ok(())
}

/// A part of a step's log.
#[derive(Clone, Debug)]
pub struct LogPart<'a> {
    pub seq: i32,
    pub run: i32,
    /// Raw bytes of the remote log: the part begins at `from`, the next one at `to`.
    pub from: i64,
    pub to: i64,
    /// As it is to be shown: masked, so its length is not `to - from`.
    pub bytes: &'a [u8],
}

/// Stores a part of a log together with how far it goes; the number of the last chunk written, if any was. A part that does not
/// begin where the stored log ends is refused with [`QueueError::LogPosition`]: nothing is ever doubled or missed.
pub fn append_log(db: &Db, claim: &Claim, now: i64, part: &LogPart<'_>) -> Result<Option<i64>, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let (seq, run) = (part.seq, part.run);
        let Some((stored, kept)) = steps::log_position(conn, job.id, seq, run)? else {
            return Err(QueueError::NoSuchRun { job: job.id, seq, run });
        };
        if stored != part.from {
            return Err(QueueError::LogPosition { job: job.id, seq, stored, given: part.from });
        }
        let room = usize::try_from(STEP_LOG_KEPT - kept).unwrap_or(0);
        let keep = &part.bytes[..part.bytes.len().min(room)];
        let mut last = None;
        if !keep.is_empty() {
            last = Some(logs::append(conn, now, job.id, Some((seq, run)), keep)?);
        }
        let first = last;
        if room > 0 && keep.len() == room {
            let text = format!("the first {} MiB of this step's log are kept, no more", STEP_LOG_KEPT >> 20);
            last = Some(logs::append(conn, now, job.id, None, note_line(&text).as_bytes())?);
        }
        steps::set_log_position(conn, job.id, seq, run, part.to, kept + keep.len() as i64)?;
        if let (Some(first), Some(last)) = (first.or(last), last) {
            event::log(conn, now, &job, first, last)?;
        }
        Ok(last)
    })
}

/// Stores a line of the control plane itself, between those of the steps.
pub fn note(db: &Db, claim: &Claim, now: i64, text: &str) -> Result<i64, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        append_note(conn, now, &job, text)
    })
}

pub(crate) fn append_note(conn: &mut Conn, now: i64, job: &Job, text: &str) -> Result<i64, QueueError> {
    let seq = logs::append(conn, now, job.id, None, note_line(text).as_bytes())?;
    event::log(conn, now, job, seq, seq)?;
    Ok(seq)
}

fn note_line(text: &str) -> String {
    format!("{}\n", text.trim_end_matches('\n'))
}

/// The server has seen a higher epoch than this claim's although the claim stands: the database is older than the server (a
/// restored copy). The lane's epoch is raised above what was seen, the claim goes on under it.
pub fn raise_epoch(db: &Db, claim: &mut Claim, now: i64, seen: i64) -> Result<(), QueueError> {
    let fence = db.write(|conn| {
        let job = owned(conn, claim)?;
        let fence = seen.max(job.fence) + 1;
        met(claim, running::set_fence(conn, &job, fence)?)?;
        lanes::raise_epoch(conn, &job.lane, fence)?;
        attempts::end(conn, now, &job, "epoch_raised", None)?;
        attempts::insert(conn, job.id, fence, claim.worker(), now)?;
        let text = format!(
            "{} has seen a later state than this database: it is an older copy; going on above it",
            job.server_name
        );
        event::job_note(conn, now, &job, &text)?;
        append_note(conn, now, &job, &text)?;
        Ok::<_, QueueError>(fence)
    })?;
    claim.set_fence(fence);
    Ok(())
}
