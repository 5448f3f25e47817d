//! Asks for a job to stop. One that has not begun ends at once; one that has is cancelled by its owner, who makes sure on the
//! server that nothing of it lives.

use super::error::QueueError;
use super::event;
use super::statuses::{self, Outcome};
use crate::domain::job::{Job, JobEvent, JobState};
use crate::store::{Conn, Db, jobs, lanes};

/// What became of the request.
#[derive(Clone, Debug, PartialEq)]
pub enum Cancel {
    /// It had not begun and has ended.
    Ended(Job),
    /// Its owner, now or with the next claim, cancels it.
    Asked(Job),
    /// It had ended before.
    Late(Job),
}

impl Cancel {
    pub fn job(&self) -> &Job {
        match self {
            Cancel::Ended(job) | Cancel::Asked(job) | Cancel::Late(job) => job,
        }
    }
}

/// Asks for a job to stop. Asking twice is asking once, but wakes one that waits for a person: the server is tried again.
pub fn request(db: &Db, now: i64, job_id: i64, by: &str) -> Result<Cancel, QueueError> {
    db.write(|conn| request_in(conn, now, job_id, by))
}

/// As [`request`], inside the caller's transaction.
pub fn request_in(conn: &mut Conn, now: i64, job_id: i64, by: &str) -> Result<Cancel, QueueError> {
    let job = jobs::find(conn, job_id)?.ok_or(QueueError::NoJob(job_id))?;
    match job.state {
        JobState::Succeeded | JobState::Failed | JobState::Cancelled => Ok(Cancel::Late(job)),
        JobState::Blocked | JobState::Queued if !job.has_begun() => {
            event::next(&job, &[JobEvent::CancelUnbegun])?;
            end_unbegun(conn, now, &job, by)?;
            Ok(Cancel::Ended(event::job(conn, now, job.id)?))
        }
        JobState::Blocked | JobState::Queued | JobState::Running => {
            jobs::ask_to_cancel(conn, job.id, now, by)?;
            Ok(Cancel::Asked(event::job(conn, now, job.id)?))
        }
        JobState::Attention => {
            event::next(&job, &[JobEvent::Resolve])?;
            jobs::ask_to_cancel(conn, job.id, now, by)?;
            jobs::answer(conn, job.id, now, None)?;
            Ok(Cancel::Asked(event::job(conn, now, job.id)?))
        }
    }
}

/// Queued → cancelled for a job without a step: nothing of it is on a server.
pub(crate) fn end_unbegun(conn: &mut Conn, now: i64, job: &Job, by: &str) -> Result<(), QueueError> {
    jobs::cancel_unbegun(conn, job.id, now, &statuses::cancelled(by), None)?;
    // It holds the lane all the same where it waited for a person before its first step.
    lanes::free(conn, &job.lane, job.id)?;
    statuses::apply(conn, now, job, &Outcome::UNBEGUN)?;
    Ok(())
}
