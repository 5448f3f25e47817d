//! Statuses of deployments, apps and servers, derived from what happens to a job, in its transaction.

use super::{event, routes};
use crate::domain::app::{App, AppStatus};
use crate::domain::deployment::DeploymentStatus;
use crate::domain::failure::{Class, Failure, code};
use crate::domain::job::{Job, JobKind};
use crate::domain::server::ServerStatus;
use crate::store::events::{self, Subject};
use crate::store::{Conn, StoreError, apps, deployments, servers};
use serde_json::json;

/// How a job ended, as far as statuses care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Whether the app runs now, where a step looked.
    Succeeded { runs: Option<bool> },
    /// Whether the version before serves, where the engine knows.
    Failed { serving: Option<bool> },
    /// Superseded too, of which nothing was done.
    Cancelled { serving: Option<bool> },
}

impl Outcome {
    /// Of a job that ended before its first step.
    pub(crate) const UNBEGUN: Outcome = Outcome::Cancelled { serving: None };
}

/// The job's first step begins; the status before, for `job.prev_status`.
pub(crate) fn begin(conn: &mut Conn, now: i64, job: &Job) -> Result<Option<String>, StoreError> {
    match job.kind {
        JobKind::Deploy | JobKind::DbCreate => {
            let Some(app) = find_app(conn, job)? else { return Ok(None) };
            set_app(conn, now, &app, AppStatus::Deploying)?;
            Ok(Some(app.status.to_string()))
        }
        // Short ones: until their end the app is what it was.
        JobKind::Restart
        | JobKind::Stop
        | JobKind::Start
        | JobKind::EnvPush
        | JobKind::Destroy
        | JobKind::DbDestroy => Ok(find_app(conn, job)?.map(|app| app.status.to_string())),
        JobKind::Provision => {
            let Some(id) = job.server_id else { return Ok(None) };
            let Some(server) = servers::find(conn, id)? else { return Ok(None) };
            set_server(conn, now, id, server.status, ServerStatus::Provisioning)?;
            Ok(Some(server.status.to_string()))
        }
        JobKind::Proxy => Ok(None),
    }
}

/// The job has ended.
pub(crate) fn apply(conn: &mut Conn, now: i64, job: &Job, outcome: &Outcome) -> Result<(), StoreError> {
    match job.kind {
        JobKind::Deploy | JobKind::DbCreate => {
            if let Some(app) = find_app(conn, job)? {
                set_app(conn, now, &app, app_after(&app, job, *outcome))?;
                if let (Outcome::Succeeded { .. }, Some(deployment_id)) = (outcome, job.deployment_id) {
                    apps::set_current_deployment(conn, app.id, deployment_id)?;
                }
            }
            if let Some(id) = job.deployment_id {
                let status = deployment_after(*outcome);
                let log = super::log_text::of_deployment(conn, job.id)?;
                if deployments::finish(conn, now, id, status, log.as_deref())? {
                    event::status(
                        conn,
                        now,
                        "deployment",
                        Subject { job_id: None, ..Subject::job(job) },
                        status.as_str(),
                    )?;
                }
            }
        }
        JobKind::Restart | JobKind::Stop | JobKind::Start | JobKind::EnvPush => {
            if let Some(app) = find_app(conn, job)? {
                set_app(conn, now, &app, app_after_short(&app, job, *outcome))?;
            }
        }
        JobKind::Destroy | JobKind::DbDestroy => match (find_app(conn, job)?, outcome) {
            (None, _) => {}
            (Some(app), Outcome::Succeeded { .. }) => {
                apps::delete(conn, app.id)?;
                let data = json!({ "what": "destroyed", "name": app.name });
                events::insert(conn, now, "app", Subject::app(app.id, app.server_id), &data)?;
            }
            (Some(app), Outcome::Failed { .. } | Outcome::Cancelled { .. }) => {
                set_app(conn, now, &app, app_after_short(&app, job, *outcome))?;
            }
        },
        JobKind::Provision => {
            if let Some(id) = job.server_id
                && let Some(server) = servers::find(conn, id)?
            {
                set_server(conn, now, id, server.status, server_after(server.status, job, *outcome))?;
            }
        }
        JobKind::Proxy => match outcome {
            Outcome::Succeeded { .. } => {}
            Outcome::Failed { .. } | Outcome::Cancelled { .. } => routes::take_back(conn, job, None)?,
        },
    }
    Ok(())
}

fn deployment_after(outcome: Outcome) -> DeploymentStatus {
    match outcome {
        Outcome::Succeeded { .. } => DeploymentStatus::Success,
        Outcome::Failed { .. } => DeploymentStatus::Failed,
        Outcome::Cancelled { .. } => DeploymentStatus::Cancelled,
    }
}

fn app_after(app: &App, job: &Job, outcome: Outcome) -> AppStatus {
    let before = app_before(app, job);
    match outcome {
        Outcome::Succeeded { .. } => AppStatus::Running,
        Outcome::Cancelled { serving } => put_back(before, serving),
        Outcome::Failed { serving: Some(true) } => before,
        Outcome::Failed { serving: Some(false) } => AppStatus::Error,
        // Nobody looked. What ran before a job that never reached its first step still does, and what a person had stopped is
        // stopped; an app that never had a version has nothing to serve.
        Outcome::Failed { serving: None } => {
            let untouched = !job.has_begun() && app.current_deployment_id.is_some();
            if before == AppStatus::Running || untouched { before } else { AppStatus::Error }
        }
    }
}

/// Behind a job that only starts, stops or replaces containers.
fn app_after_short(app: &App, job: &Job, outcome: Outcome) -> AppStatus {
    let before = app_before(app, job);
    match outcome {
        Outcome::Succeeded { runs: Some(true) } => AppStatus::Running,
        Outcome::Succeeded { runs: Some(false) } => AppStatus::Stopped,
        Outcome::Succeeded { runs: None } => match job.kind {
            JobKind::Restart | JobKind::Start => AppStatus::Running,
            JobKind::Stop => AppStatus::Stopped,
            JobKind::EnvPush
            | JobKind::Destroy
            | JobKind::DbDestroy
            | JobKind::DbCreate
            | JobKind::Proxy
            | JobKind::Deploy
            | JobKind::Provision => before,
        },
        Outcome::Failed { serving } | Outcome::Cancelled { serving } => match job.kind {
            // Half of it may be gone, also of one that was stopped.
            JobKind::Destroy | JobKind::DbDestroy if serving == Some(false) => AppStatus::Error,
            _ => put_back(before, serving),
        },
    }
}

/// What was running and does not serve any more is in error; anything else is what it was.
fn put_back(before: AppStatus, serving: Option<bool>) -> AppStatus {
    match (before, serving) {
        (AppStatus::Running, Some(false)) => AppStatus::Error,
        (before, _) => before,
    }
}

/// As it was before the job's first step. `deploying` cannot be what an app goes back to: nothing would end it.
fn app_before(app: &App, job: &Job) -> AppStatus {
    let stored = match &job.prev_status {
        Some(word) => word.parse().unwrap_or(AppStatus::Deploying),
        None => app.status,
    };
    match stored {
        AppStatus::Deploying if app.current_deployment_id.is_some() => AppStatus::Running,
        AppStatus::Deploying => AppStatus::Error,
        AppStatus::Stopped | AppStatus::Running | AppStatus::Error => stored,
    }
}

fn server_after(now: ServerStatus, job: &Job, outcome: Outcome) -> ServerStatus {
    let before = match &job.prev_status {
        Some(word) => word.parse().unwrap_or(ServerStatus::Inactive),
        None => now,
    };
    match outcome {
        Outcome::Succeeded { .. } => ServerStatus::Active,
        Outcome::Failed { .. } | Outcome::Cancelled { .. } => match before {
            ServerStatus::Provisioning => ServerStatus::Inactive,
            ServerStatus::Inactive | ServerStatus::Active => before,
        },
    }
}

fn find_app(conn: &mut Conn, job: &Job) -> Result<Option<App>, StoreError> {
    match job.app_id {
        Some(id) => apps::find(conn, id),
        None => Ok(None),
    }
}

fn set_app(conn: &mut Conn, now: i64, app: &App, status: AppStatus) -> Result<(), StoreError> {
    if app.status != status {
        apps::set_status(conn, now, app.id, status)?;
        event::status(conn, now, "app", Subject::app(app.id, app.server_id), status.as_str())?;
    }
    Ok(())
}

fn set_server(conn: &mut Conn, now: i64, id: i64, from: ServerStatus, status: ServerStatus) -> Result<(), StoreError> {
    if from != status {
        servers::set_status(conn, now, id, status)?;
        event::status(conn, now, "server", Subject::server(id), status.as_str())?;
    }
    Ok(())
}

/// The record of a job that made way.
pub(crate) fn superseded(by: i64) -> Failure {
    Failure::new(Class::Cancelled, code::SUPERSEDED, format!("superseded by job {by}"))
}

pub(crate) fn superseded_result(by: i64) -> String {
    json!({ "superseded_by": by }).to_string()
}

/// The record of a job that somebody stopped.
pub(crate) fn cancelled(by: &str) -> Failure {
    Failure::new(Class::Cancelled, code::CANCELLED, format!("cancelled by {by}"))
}
