//! Claims of jobs: one row each, who ran it and how that ended.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};
use crate::domain::job::Job;

pub(crate) fn insert(conn: &mut Conn, id: i64, fence: i64, worker: &str, now: i64) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO job_attempt(job_id, fence, worker, started_at) VALUES (?1, ?2, ?3, ?4)",
        values![id, fence, worker, now],
    )?;
    Ok(())
}

pub(crate) fn end(conn: &mut Conn, now: i64, job: &Job, outcome: &str, error: Option<&str>) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE job_attempt SET ended_at = ?3, outcome = ?4, error = ?5 WHERE job_id = ?1 AND fence = ?2",
        values![job.id, job.fence, now, outcome, error],
    )?;
    Ok(())
}

/// One claim of a job: who ran it and how that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub fence: i64,
    pub worker: String,
    pub started_at: i64,
    pub ended_at: Option<i64>,
    /// `put_back`, `taken_over`, `attention`, or the job's last state.
    pub outcome: Option<String>,
    pub error: Option<String>,
}

from_row!(Attempt, |row| Attempt {
    fence: sql::int(row, "fence")?,
    worker: sql::text(row, "worker")?,
    started_at: sql::int(row, "started_at")?,
    ended_at: sql::opt(row, "ended_at")?,
    outcome: sql::opt_text(row, "outcome")?,
    error: sql::opt_text(row, "error")?,
});

pub fn of_job(conn: &mut Conn, id: i64) -> Result<Vec<Attempt>, StoreError> {
    sql::rows(
        conn,
        "SELECT fence, worker, started_at, ended_at, outcome, error FROM job_attempt WHERE job_id = ?1 ORDER BY fence",
        values![id],
    )
}

pub(crate) fn count(conn: &mut Conn, id: i64) -> Result<i64, StoreError> {
    Ok(sql::number(conn, "SELECT count(*) AS n FROM job_attempt WHERE job_id = ?1", values![id])?.unwrap_or_default())
}
