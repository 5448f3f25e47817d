//! What a person says to the queue: the answer to a job that needs one, a job that is to go first, a lane that is to rest.

use super::error::QueueError;
use super::event;
use crate::domain::job::{Job, JobEvent, JobState, Resolution};
use crate::domain::server::HostKey;
use crate::store::events::{self, Subject};
use crate::store::{Conn, Db, StoreError, jobs, lanes};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Answers a job in attention: it is queued again, and its next owner acts on the answer.
pub fn resolve(db: &Db, now: i64, job_id: i64, answer: Resolution, by: &str) -> Result<Job, QueueError> {
    db.write(|conn| {
        let job = jobs::find(conn, job_id)?.ok_or(QueueError::NoJob(job_id))?;
        if job.state != JobState::Attention {
            return Err(QueueError::NoQuestion { job: job_id, state: job.shown_state() });
        }
        event::next(&job, &[JobEvent::Resolve])?;
        jobs::answer(conn, job_id, now, Some(answer))?;
        event::job_note(conn, now, &job, &format!("{by} answered: {answer}"))?;
        event::job(conn, now, job_id)
    })
}

/// Lets a waiting job that has not begun go before all others that wait in its lane.
pub fn bump(db: &Db, now: i64, job_id: i64) -> Result<Job, QueueError> {
    db.write(|conn| {
        let job = jobs::find(conn, job_id)?.ok_or(QueueError::NoJob(job_id))?;
        if job.has_begun() {
            return Err(QueueError::HasBegun { job: job_id });
        }
        match job.state {
            JobState::Queued => {
                jobs::bump(conn, &job)?;
                event::job(conn, now, job_id)
            }
            JobState::Blocked
            | JobState::Running
            | JobState::Attention
            | JobState::Succeeded
            | JobState::Failed
            | JobState::Cancelled => Err(QueueError::NotWaiting { job: job_id, state: job.shown_state() }),
        }
    })
}

/// Why a lane is paused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum PauseReason {
    /// The server shows another host key than the pinned one, until somebody trusts it.
    HostKey {
        pinned: HostKey,
        seen: HostKey,
    },
    ByHand {
        by: String,
    },
}

impl PauseReason {
    /// From `lane.pause_reason`.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl std::fmt::Display for PauseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PauseReason::HostKey { pinned, seen } => {
                write!(f, "the server's host key changed: pinned is {pinned}, it shows {seen}")
            }
            PauseReason::ByHand { by } => write!(f, "paused by {by}"),
        }
    }
}

/// Pauses a lane: nothing new is claimed in it but what is to be cancelled. What runs goes on.
pub fn pause_lane(
    conn: &mut Conn,
    now: i64,
    lane: &str,
    server_id: Option<i64>,
    reason: &PauseReason,
) -> Result<(), QueueError> {
    let text = serde_json::to_string(reason).map_err(|e| StoreError::Unreadable(e.to_string()))?;
    lanes::pause(conn, lane, now, &text)?;
    let about = Subject { server_id, ..Subject::default() };
    events::insert(conn, now, "server", about, &json!({ "paused": true, "reason": reason }))?;
    Ok(())
}

/// Ends a lane's pause. False: it was not paused.
pub fn resume_lane(conn: &mut Conn, now: i64, lane: &str, server_id: Option<i64>) -> Result<bool, QueueError> {
    let was_paused = lanes::resume(conn, lane)?;
    if was_paused {
        let about = Subject { server_id, ..Subject::default() };
        events::insert(conn, now, "server", about, &json!({ "paused": false }))?;
    }
    Ok(was_paused)
}
