//! Deployments: the first release's table, what a deployment turned out to be, and the snapshot of what is wanted.

use super::conn::Conn;
use super::error::StoreError;
use super::page::Page;
use super::sql::{self, from_row, values};
use super::text_time;
use crate::domain::deployment::{Deployment, DeploymentSpec, DeploymentStatus};

/// The log in a list is its end only: some are megabytes.
pub const LIST_LOG_BYTES: i64 = 64 * 1024;

const COLUMNS: &str =
    "d.id, d.app_id, d.commit_hash, d.status, d.started_at, d.finished_at, x.commit_subject, x.images";
const FROM: &str = "FROM deployments d LEFT JOIN deployment_ext x ON x.deployment_id = d.id";

from_row!(Deployment, |row| Deployment {
    id: sql::int(row, "id")?,
    app_id: sql::int(row, "app_id")?,
    commit_hash: sql::opt_text(row, "commit_hash")?,
    commit_subject: sql::opt_text(row, "commit_subject")?,
    images: sql::opt_text(row, "images")?,
    status: sql::parsed(row, "status")?,
    log: sql::opt_text(row, "log")?,
    started_at: text_time::parse(&sql::text(row, "started_at")?)?,
    finished_at: sql::opt_text(row, "finished_at")?.map(|t| text_time::parse(&t)).transpose()?,
});

from_row!(DeploymentSpec, |row| DeploymentSpec {
    deployment_id: sql::int(row, "deployment_id")?,
    app_id: sql::int(row, "app_id")?,
    source: serde_json::from_str(&sql::text(row, "source")?)?,
    env_sealed: sql::text(row, "env_sealed")?,
    compose: sql::opt_text(row, "compose")?,
    resources: serde_json::from_str(&sql::text(row, "resources")?)?,
    domains: serde_json::from_str(&sql::text(row, "routes")?)?,
    spec_hash: sql::text(row, "spec_hash")?,
});

/// Records a deployment in progress; its snapshot follows with [`insert_spec`] in the same transaction.
pub fn insert(conn: &mut Conn, now: i64, app_id: i64) -> Result<i64, StoreError> {
    let id = sql::number(
        conn,
        "INSERT INTO deployments(app_id, status, started_at) VALUES (?1, ?2, ?3) RETURNING id AS n",
        values![app_id, DeploymentStatus::InProgress.as_str(), &text_time::seconds(now)],
    )?;
    Ok(id.unwrap_or_default())
}

/// Written once, never changed.
pub fn insert_spec(conn: &mut Conn, spec: &DeploymentSpec) -> Result<(), StoreError> {
    let json = |value: Result<String, serde_json::Error>| value.map_err(|e| StoreError::Unreadable(e.to_string()));
    sql::execute(
        conn,
        "INSERT INTO deployment_spec(deployment_id, app_id, source, env_sealed, compose, resources, routes, spec_hash)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![
            spec.deployment_id,
            spec.app_id,
            &json(serde_json::to_string(&spec.source))?,
            &spec.env_sealed,
            &spec.compose,
            &json(serde_json::to_string(&spec.resources))?,
            &json(serde_json::to_string(&spec.domains))?,
            &spec.spec_hash
        ],
    )?;
    Ok(())
}

pub fn spec(conn: &mut Conn, deployment_id: i64) -> Result<Option<DeploymentSpec>, StoreError> {
    sql::row(conn, "SELECT * FROM deployment_spec WHERE deployment_id = ?1", values![deployment_id])
}

/// With all of its stored log.
pub fn find(conn: &mut Conn, id: i64) -> Result<Option<Deployment>, StoreError> {
    sql::row(conn, &format!("SELECT {COLUMNS}, d.log {FROM} WHERE d.id = ?1"), values![id])
}

/// The newest first; of one app, or of all. Logs are cut to their last [`LIST_LOG_BYTES`] (in characters).
pub fn list(conn: &mut Conn, app_id: Option<i64>, page: Page) -> Result<Vec<Deployment>, StoreError> {
    let of_app = if app_id.is_some() { "AND d.app_id = ?3" } else { "" };
    let text = format!(
        "SELECT {COLUMNS}, substr(d.log, -{LIST_LOG_BYTES}) AS log {FROM} WHERE d.id < ?1 {of_app} ORDER BY d.id DESC LIMIT ?2"
    );
    sql::rows(conn, &text, values![page.below(), page.limit, app_id])
}

/// When a deployment ended, and the newest job of it that is still known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ended {
    pub at: Option<i64>,
    pub job_id: Option<i64>,
}

from_row!(Ended, |row| Ended {
    at: sql::opt_text(row, "finished_at")?.map(|t| text_time::parse(&t)).transpose()?,
    job_id: sql::opt(row, "job_id")?,
});

pub fn ended(conn: &mut Conn, id: i64) -> Result<Ended, StoreError> {
    let text = "SELECT d.finished_at, (SELECT max(j.id) FROM job j WHERE j.deployment_id = d.id) AS job_id
         FROM deployments d WHERE d.id = ?1";
    Ok(sql::row(conn, text, values![id])?.unwrap_or_default())
}

/// How it ended. False: there is none in progress with this id.
pub(crate) fn finish(
    conn: &mut Conn,
    now: i64,
    id: i64,
    status: DeploymentStatus,
    log: Option<&str>,
) -> Result<bool, StoreError> {
    let touched = sql::execute(
        conn,
        "UPDATE deployments SET status = ?2, finished_at = ?3, log = coalesce(?4, log) WHERE id = ?1 AND status = 'in_progress'",
        values![id, status.as_str(), &text_time::microseconds(now), log],
    )?;
    Ok(touched == 1)
}

/// What it turned out to be. What is `None` stays as it is.
pub fn set_outcome(
    conn: &mut Conn,
    id: i64,
    commit_hash: Option<&str>,
    commit_subject: Option<&str>,
    images: Option<&str>,
) -> Result<(), StoreError> {
    if commit_hash.is_some() {
        sql::execute(conn, "UPDATE deployments SET commit_hash = ?2 WHERE id = ?1", values![id, commit_hash])?;
    }
    if commit_subject.is_some() || images.is_some() {
        sql::execute(
            conn,
            "INSERT INTO deployment_ext(deployment_id, commit_subject, images) VALUES (?1, ?2, ?3)
             ON CONFLICT (deployment_id) DO UPDATE SET commit_subject = coalesce(excluded.commit_subject, commit_subject),
                 images = coalesce(excluded.images, images)",
            values![id, commit_subject, images],
        )?;
    }
    Ok(())
}

pub(super) const ORPHANS: &str = "SELECT d.id FROM deployments d WHERE d.status = 'in_progress'
     AND NOT EXISTS (SELECT 1 FROM job j WHERE j.deployment_id = d.id AND j.finished_at IS NULL)";

/// Deployments in progress with no job behind them that could end them.
pub fn orphans(conn: &mut Conn) -> Result<Vec<i64>, StoreError> {
    struct Id(i64);
    from_row!(Id, |row| Id(sql::int(row, "id")?));
    let ids: Vec<Id> = sql::rows(conn, ORPHANS, &[])?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}
