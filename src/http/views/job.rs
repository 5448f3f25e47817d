//! Jobs on the wire.

use crate::service::{Time, app_reads, jobs};
use serde::Serialize;
use utoipa::ToSchema;

/// A durable piece of work in a server's lane.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    pub id: i64,
    /// `provision`, `deploy`, `restart`, `stop`, `start`, `env_push`, `destroy`, `proxy`, `db_create` or `db_destroy`.
    pub kind: String,
    /// For people: `deploy web`.
    pub title: String,
    pub server_name: String,
    #[schema(required)]
    pub app_name: Option<String>,
    #[schema(required)]
    pub deployment_id: Option<i64>,
    /// `blocked`, `queued`, `running`, `cancelling`, `attention`, `succeeded`, `failed` or `cancelled`.
    pub state: String,
    /// Why it waits, asks, failed or was cancelled: for people.
    #[schema(required)]
    pub reason: Option<String>,
    /// What to try.
    #[schema(required)]
    pub hint: Option<String>,
    /// Of its failure; stable.
    #[schema(required)]
    pub code: Option<String>,
    /// Null: it runs, or has ended.
    #[schema(required)]
    pub waiting_for: Option<WaitingFor>,
    /// How often it was put back after a failure that may pass.
    pub attempt: i32,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Time>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Time>,
    pub requested_by: String,
    /// The job that this one tries again.
    #[schema(required)]
    pub retry_of: Option<i64>,
    /// The job that took its place before it began.
    #[schema(required)]
    pub superseded_by: Option<i64>,
    /// The plan's steps in order, then clean-up steps; each by its last run.
    pub steps: Vec<Step>,
}

/// Why a job does not go on.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingFor {
    /// The job in front.
    #[schema(required)]
    pub job_id: Option<i64>,
    /// Its next try.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub until: Option<Time>,
    /// `behind`, `retry`, `paused`, `person`, `no_process` or `due`.
    pub why: String,
    /// Since when the job in front runs, or the lane is paused.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub since: Option<Time>,
    /// Milliseconds that jobs like the one in front took lately.
    #[schema(required)]
    pub usual_ms: Option<i64>,
}

/// A named part of a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct Step {
    pub seq: i32,
    pub name: String,
    /// Of its last run: `pending`, `started`, `succeeded`, `failed`, `lost`, `skipped` or `cancelled`.
    pub state: String,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Time>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Time>,
    #[schema(required)]
    pub exit_code: Option<i32>,
    /// How often it was begun.
    pub runs: i32,
    /// What it told about itself.
    #[schema(required)]
    pub note: Option<String>,
}

impl From<jobs::JobView> for Job {
    fn from(job: jobs::JobView) -> Self {
        let waiting_for = |waiting: jobs::WaitingFor| WaitingFor {
            job_id: waiting.job_id,
            until: waiting.until,
            why: waiting.why,
            since: waiting.since,
            usual_ms: waiting.usual_ms,
        };
        let step = |step: jobs::StepView| Step {
            seq: step.seq,
            name: step.name,
            state: step.state,
            started_at: step.started_at,
            finished_at: step.finished_at,
            exit_code: step.exit_code,
            runs: step.runs,
            note: step.note,
        };
        Self {
            id: job.id,
            kind: job.kind,
            title: job.title,
            server_name: job.server_name,
            app_name: job.app_name,
            deployment_id: job.deployment_id,
            state: job.state,
            reason: job.reason,
            hint: job.hint,
            code: job.code,
            waiting_for: job.waiting_for.map(waiting_for),
            attempt: job.attempt,
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            requested_by: job.requested_by,
            retry_of: job.retry_of,
            superseded_by: job.superseded_by,
            steps: job.steps.into_iter().map(step).collect(),
        }
    }
}

/// A job with who ran it.
#[derive(Debug, Serialize, ToSchema)]
pub struct JobDetails {
    #[serde(flatten)]
    pub job: Job,
    /// One for each process that took it.
    pub attempts: Vec<Attempt>,
}

/// One claim of a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attempt {
    /// The process.
    pub worker: String,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Time,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Time>,
    /// `put_back`, `taken_over`, `attention`, or the job's last state; null: it runs.
    #[schema(required)]
    pub outcome: Option<String>,
    #[schema(required)]
    pub error: Option<String>,
}

impl From<jobs::AttemptView> for Attempt {
    fn from(attempt: jobs::AttemptView) -> Self {
        Self {
            worker: attempt.worker,
            started_at: attempt.started_at,
            ended_at: attempt.ended_at,
            outcome: attempt.outcome,
            error: attempt.error,
        }
    }
}

/// A job in a line.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShortJob {
    pub id: i64,
    pub title: String,
    pub state: String,
}

impl From<app_reads::AppJob> for ShortJob {
    fn from(job: app_reads::AppJob) -> Self {
        Self { id: job.id, title: job.title, state: job.state }
    }
}

/// A job that tries another one again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Retried {
    pub message: String,
    pub job_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<i64>,
    /// Steps that will not run again.
    pub kept: Vec<String>,
    /// Why it begins with the first step.
    #[schema(required)]
    pub starts_over: Option<String>,
}

impl From<jobs::RetriedView> for Retried {
    fn from(retried: jobs::RetriedView) -> Self {
        let jobs::EnqueuedView { job_id, deployment_id, message, in_place_of: _ } = retried.enqueued;
        Self { message, job_id, deployment_id, kept: retried.kept, starts_over: retried.starts_over }
    }
}

/// What became of a cancel.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cancelled {
    pub message: String,
    pub job_id: i64,
    /// `cancelled`, or `cancelling` until nothing of it lives any more.
    pub state: &'static str,
}
