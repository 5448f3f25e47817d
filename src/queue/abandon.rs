//! Ends jobs whose matter is forgotten here: the server may be gone for good, and nobody can make sure there that nothing of them lives.

use super::cancel;
use super::error::QueueError;
use super::event;
use super::record;
use super::statuses::{self, Outcome};
use crate::domain::failure::{Class, Failure};
use crate::domain::job::{Job, JobEvent, JobState};
use crate::domain::step::StepState;
use crate::store::{Conn, Page, attempts, jobs, lanes, steps};

/// The code of such an end.
pub const ABANDONED: &str = "abandoned";

/// Ends everything of an app that has not ended; the jobs that had begun, whose work on the server is left as it is.
pub fn jobs_of_app(conn: &mut Conn, now: i64, app_id: i64, by: &str) -> Result<Vec<Job>, QueueError> {
    let filter = jobs::Filter { app_id: Some(app_id), alive: true, ..jobs::Filter::default() };
    let mut begun = Vec::new();
    for job in jobs::list(conn, &filter, Page::all())? {
        if one(conn, now, &job, by)? {
            begun.push(job);
        }
    }
    Ok(begun)
}

/// True: it had begun, and what it began is left on the server as it is. A living owner finds out with its next write, and stops; a
/// step under way there goes on to its own end.
pub fn one(conn: &mut Conn, now: i64, job: &Job, by: &str) -> Result<bool, QueueError> {
    if matches!(job.state, JobState::Blocked | JobState::Queued) && !job.has_begun() {
        event::next(job, &[JobEvent::CancelUnbegun])?;
        cancel::end_unbegun(conn, now, job, by)?;
        event::job(conn, now, job.id)?;
        return Ok(false);
    }
    let what = job.app_name.as_deref().unwrap_or(&job.server_name);
    let text = format!("{by} forgot {what} here: what this job began on {} was not looked at", job.server_name);
    let failure = Failure::new(Class::Unknown, ABANDONED, text);
    event::next(job, &[JobEvent::Abandon])?;
    record::append_note(conn, now, job, &failure.text)?;
    steps::end_open(conn, now, job.id, StepState::Lost)?;
    statuses::apply(conn, now, job, &Outcome::Failed { serving: None })?;
    jobs::abandon(conn, job.id, now, &failure)?;
    lanes::free(conn, &job.lane, job.id)?;
    if job.state == JobState::Running {
        attempts::end(conn, now, job, ABANDONED, Some(&failure.text))?;
    }
    event::job(conn, now, job.id)?;
    Ok(job.has_begun())
}
