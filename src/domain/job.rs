//! A job: a durable piece of work in a server's lane, and the one status machine it follows.

use crate::domain::failure::Failure;
use crate::domain::step::{StepState, UnknownWord, text_enum};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a job does. The stored word is part of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    Provision,
    Deploy,
    Restart,
    Stop,
    Start,
    EnvPush,
    Destroy,
    /// Routes of a server.
    Proxy,
    DbCreate,
    DbDestroy,
}

impl JobKind {
    pub const ALL: [JobKind; 10] = [
        JobKind::Provision,
        JobKind::Deploy,
        JobKind::Restart,
        JobKind::Stop,
        JobKind::Start,
        JobKind::EnvPush,
        JobKind::Destroy,
        JobKind::Proxy,
        JobKind::DbCreate,
        JobKind::DbDestroy,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Provision => "provision",
            JobKind::Deploy => "deploy",
            JobKind::Restart => "restart",
            JobKind::Stop => "stop",
            JobKind::Start => "start",
            JobKind::EnvPush => "env_push",
            JobKind::Destroy => "destroy",
            JobKind::Proxy => "proxy",
            JobKind::DbCreate => "db_create",
            JobKind::DbDestroy => "db_destroy",
        }
    }
}
text_enum!(JobKind, "kind of job");

/// Where a job stands. Waiting, delayed and backing-off jobs are all `queued`, with the time they are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Reserved for jobs that wait for other jobs; nothing makes it yet.
    Blocked,
    Queued,
    Running,
    /// It cannot go on without a person's answer.
    Attention,
    Succeeded,
    Failed,
    Cancelled,
}

impl JobState {
    pub const ALL: [JobState; 7] = [
        JobState::Blocked,
        JobState::Queued,
        JobState::Running,
        JobState::Attention,
        JobState::Succeeded,
        JobState::Failed,
        JobState::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Blocked => "blocked",
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Attention => "attention",
            JobState::Succeeded => "succeeded",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }

    /// Ended: it never changes again.
    pub fn is_final(self) -> bool {
        matches!(self, JobState::Succeeded | JobState::Failed | JobState::Cancelled)
    }

    /// The state after `event`, or that the event cannot happen here.
    pub fn next(self, event: JobEvent) -> Result<JobState, IllegalEvent> {
        use JobEvent as E;
        use JobState as S;
        match (self, event) {
            (S::Blocked, E::Unblock) => Ok(S::Queued),
            (S::Blocked | S::Queued, E::CancelUnbegun | E::Supersede) => Ok(S::Cancelled),
            (S::Queued, E::Claim) => Ok(S::Running),
            (S::Running, E::PutBack) => Ok(S::Queued),
            (S::Running, E::NeedPerson) => Ok(S::Attention),
            (S::Running, E::Succeed) => Ok(S::Succeeded),
            (S::Running, E::Fail) => Ok(S::Failed),
            (S::Running, E::Cancel) => Ok(S::Cancelled),
            (S::Attention, E::Resolve) => Ok(S::Queued),
            (S::Blocked | S::Queued | S::Running | S::Attention, E::Abandon) => Ok(S::Failed),
            (from, event) => Err(IllegalEvent { from, event }),
        }
    }
}
text_enum!(JobState, "state of a job");

/// What happens to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobEvent {
    Unblock,
    /// A worker takes it.
    Claim,
    /// Its worker drains, backs off, or is gone: it waits again.
    PutBack,
    NeedPerson,
    /// A person answered, or cancelled a job that waits for an answer.
    Resolve,
    Succeed,
    Fail,
    /// Its owner has made sure that nothing of it lives on.
    Cancel,
    /// Cancelled before its first step's intent was written: nothing to clean up.
    CancelUnbegun,
    /// A newer request took its place before it began.
    Supersede,
    /// What it is about is forgotten here, whatever of it lives on the server: nobody can look there any more.
    Abandon,
}

impl JobEvent {
    pub const ALL: [JobEvent; 11] = [
        JobEvent::Unblock,
        JobEvent::Claim,
        JobEvent::PutBack,
        JobEvent::NeedPerson,
        JobEvent::Resolve,
        JobEvent::Succeed,
        JobEvent::Fail,
        JobEvent::Cancel,
        JobEvent::CancelUnbegun,
        JobEvent::Supersede,
        JobEvent::Abandon,
    ];
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job that is {from} cannot meet {event:?}")]
pub struct IllegalEvent {
    pub from: JobState,
    pub event: JobEvent,
}

/// A person's answer to a job in `attention`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// The step in question counts as done.
    Done,
    /// Attach to it first; where the server says lost or absent, start its next run.
    Rerun,
    /// Clean up on the server and fail the job.
    Fail,
}

impl Resolution {
    pub const ALL: [Resolution; 3] = [Resolution::Done, Resolution::Rerun, Resolution::Fail];

    pub fn as_str(self) -> &'static str {
        match self {
            Resolution::Done => "done",
            Resolution::Rerun => "rerun",
            Resolution::Fail => "fail",
        }
    }
}
text_enum!(Resolution, "answer to a job");

/// A job as stored. Times are milliseconds UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// For people.
    pub id: i64,
    /// uuid v7, made at enqueue: names things on servers, so that a restored database cannot collide.
    pub uid: String,
    pub kind: JobKind,
    pub title: String,
    pub lane: String,
    pub server_id: Option<i64>,
    pub app_id: Option<i64>,
    pub deployment_id: Option<i64>,
    pub server_name: String,
    pub app_name: Option<String>,
    /// 0 goes first, 9 last; 2 is usual.
    pub priority: i32,
    pub state: JobState,
    pub run_at: i64,
    pub wait_reason: Option<String>,
    /// JSON; never a secret.
    pub args: String,
    pub args_version: i32,
    pub plan: Option<String>,
    pub plan_version: Option<i64>,
    /// Steps, or connections before the first step, that ended transient.
    pub attempt: i32,
    pub max_attempts: i32,
    /// Take-overs from a dead worker since the last finished step.
    pub rescues: i32,
    pub fence: i64,
    pub worker: Option<String>,
    pub lease_until: Option<i64>,
    pub cancel_at: Option<i64>,
    pub cancel_by: Option<String>,
    pub resolution: Option<Resolution>,
    pub unique_key: Option<String>,
    pub coalesce_key: Option<String>,
    pub retry_of: Option<i64>,
    pub prev_status: Option<String>,
    pub requested_by: String,
    pub created_at: i64,
    /// When its first step's intent was written.
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    /// JSON: what it turned out to be.
    pub result: Option<String>,
    /// Set with the end, or with the step whose failure the clean-up follows.
    pub failure: Option<Failure>,
}

impl Job {
    pub fn has_begun(&self) -> bool {
        self.started_at.is_some()
    }

    /// What people see: the state, or `cancelling` while a cancel is under way.
    pub fn shown_state(&self) -> &'static str {
        if !self.state.is_final() && self.cancel_at.is_some() { "cancelling" } else { self.state.as_str() }
    }
}

/// The lane of a server.
pub fn lane_of_server(server_id: i64) -> String {
    format!("srv:{server_id}")
}

/// A run of a step as stored. Times are milliseconds UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct JobStep {
    pub job_id: i64,
    pub seq: i32,
    pub run: i32,
    pub name: String,
    pub remote_id: String,
    pub script_sha256: String,
    pub on_lost: crate::domain::step::OnLost,
    pub fence: i64,
    pub state: StepState,
    /// Raw bytes of the remote log that are stored already.
    pub log_off: i64,
    pub started_at: i64,
    pub finished_at: Option<i64>,
    pub exit_code: Option<i32>,
    pub exit_reason: Option<String>,
    /// JSON object: the facts its markers told.
    pub output: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of state and event, as text: a change of the machine shows here.
    #[test]
    fn the_status_machine() {
        let mut table = String::new();
        for state in JobState::ALL {
            for event in JobEvent::ALL {
                if let Ok(next) = state.next(event) {
                    table.push_str(&format!("{state} + {event:?} = {next}\n"));
                }
            }
        }
        insta::assert_snapshot!(table, @r"
        blocked + Unblock = queued
        blocked + CancelUnbegun = cancelled
        blocked + Supersede = cancelled
        blocked + Abandon = failed
        queued + Claim = running
        queued + CancelUnbegun = cancelled
        queued + Supersede = cancelled
        queued + Abandon = failed
        running + PutBack = queued
        running + NeedPerson = attention
        running + Succeed = succeeded
        running + Fail = failed
        running + Cancel = cancelled
        running + Abandon = failed
        attention + Resolve = queued
        attention + Abandon = failed
        ");
    }

    #[test]
    fn a_finished_job_meets_no_event() {
        for state in JobState::ALL.into_iter().filter(|s| s.is_final()) {
            for event in JobEvent::ALL {
                assert_eq!(state.next(event), Err(IllegalEvent { from: state, event }));
            }
        }
    }
}
