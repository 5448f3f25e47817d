//! Events: one row per change; the id is the cursor of the event stream.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};
use crate::domain::job::Job;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub id: i64,
    pub ts: i64,
    /// `job`, `step`, `log`, `server`, `app`, `deployment`.
    pub kind: String,
    pub server_id: Option<i64>,
    pub app_id: Option<i64>,
    pub deployment_id: Option<i64>,
    pub job_id: Option<i64>,
    /// While they are there.
    pub server_name: Option<String>,
    pub app_name: Option<String>,
    /// JSON.
    pub data: String,
}

from_row!(Event, |row| Event {
    id: sql::int(row, "id")?,
    ts: sql::int(row, "ts")?,
    kind: sql::text(row, "kind")?,
    server_id: sql::opt(row, "server_id")?,
    app_id: sql::opt(row, "app_id")?,
    deployment_id: sql::opt(row, "deployment_id")?,
    job_id: sql::opt(row, "job_id")?,
    server_name: sql::opt_text(row, "server_name")?,
    app_name: sql::opt_text(row, "app_name")?,
    data: sql::text(row, "data")?,
});

/// What an event is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject {
    pub server_id: Option<i64>,
    pub app_id: Option<i64>,
    pub deployment_id: Option<i64>,
    pub job_id: Option<i64>,
}

impl Subject {
    pub fn job(job: &Job) -> Self {
        Self { server_id: job.server_id, app_id: job.app_id, deployment_id: job.deployment_id, job_id: Some(job.id) }
    }

    pub fn server(id: i64) -> Self {
        Self { server_id: Some(id), ..Self::default() }
    }

    pub fn app(id: i64, server_id: i64) -> Self {
        Self { app_id: Some(id), server_id: Some(server_id), ..Self::default() }
    }
}

pub fn insert(
    conn: &mut Conn,
    now: i64,
    kind: &str,
    about: Subject,
    data: &serde_json::Value,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO event(ts, kind, server_id, app_id, deployment_id, job_id, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        values![now, kind, about.server_id, about.app_id, about.deployment_id, about.job_id, &data.to_string()],
    )?;
    Ok(())
}

pub fn after(conn: &mut Conn, after: i64, limit: i64) -> Result<Vec<Event>, StoreError> {
    sql::rows(
        conn,
        "SELECT e.*, s.name AS server_name, a.name AS app_name FROM event e
           LEFT JOIN servers s ON s.id = e.server_id LEFT JOIN apps a ON a.id = e.app_id
         WHERE e.id > ?1 ORDER BY e.id LIMIT ?2",
        values![after, limit],
    )
}

/// The id of the newest event that ever was; 0 when there was none.
pub fn last_id(conn: &mut Conn) -> Result<i64, StoreError> {
    // From AUTOINCREMENT's own table: it remembers where the rows are pruned.
    let last = sql::number(conn, "SELECT seq AS n FROM sqlite_sequence WHERE name = 'event'", &[])?;
    Ok(last.unwrap_or_default())
}

/// The id of the oldest event kept.
pub fn first_id(conn: &mut Conn) -> Result<Option<i64>, StoreError> {
    sql::number(conn, "SELECT min(id) AS n FROM event", &[])
}

/// Forgets of the oldest `limit` what is from before `before`, or beyond the newest `keep`. The oldest come first, so no more are looked
/// at: the writer does not walk the table to find that all of it is young.
pub(crate) fn prune(conn: &mut Conn, before: i64, keep: i64, limit: i64) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM event WHERE id IN (SELECT id FROM (SELECT id, ts FROM event ORDER BY id LIMIT ?3)
           WHERE ts < ?1 OR id <= (SELECT max(id) FROM event) - ?2)",
        values![before, keep, limit],
    )
}
