//! Lanes: one row per server. The epoch is the fencing token: up with each claim, never down.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    pub id: String,
    pub epoch: i64,
    pub running_job: Option<i64>,
    /// The job that has begun a step and has not ended: only it may be claimed.
    pub held_by: Option<i64>,
    pub paused_at: Option<i64>,
    /// JSON.
    pub pause_reason: Option<String>,
    /// The job that the next claim takes: who holds the lane, or the oldest of the lowest priority. Kept by the database itself.
    pub next_job: Option<i64>,
    /// From when on it may be claimed.
    pub ready_at: Option<i64>,
    /// The server could not be reached before a job's first step.
    pub outage: Option<Outage>,
}

/// A server that could not be reached: until `retry_at` nothing that has not begun is claimed in its lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outage {
    pub since: i64,
    /// Connections in a row that failed.
    pub tries: i32,
    pub reason: String,
    pub retry_at: i64,
    /// Jobs up to this one waited when the outage failed one: it fails none of them.
    pub spared: Option<i64>,
}

from_row!(Lane, |row| Lane {
    id: sql::text(row, "id")?,
    epoch: sql::int(row, "epoch")?,
    running_job: sql::opt(row, "running_job")?,
    held_by: sql::opt(row, "held_by")?,
    paused_at: sql::opt(row, "paused_at")?,
    pause_reason: sql::opt_text(row, "pause_reason")?,
    next_job: sql::opt(row, "next_job")?,
    ready_at: sql::opt(row, "ready_at")?,
    outage: match sql::opt(row, "out_since")? {
        Some(since) => Some(Outage {
            since,
            tries: sql::int(row, "out_tries")?,
            reason: sql::opt_text(row, "out_reason")?.unwrap_or_default(),
            retry_at: sql::opt(row, "retry_at")?.unwrap_or(since),
            spared: sql::opt(row, "spared")?,
        }),
        None => None,
    },
});

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<Lane>, StoreError> {
    sql::row(conn, "SELECT * FROM lane WHERE id = ?1", values![id])
}

pub(crate) fn make(conn: &mut Conn, id: &str) -> Result<(), StoreError> {
    sql::execute(conn, "INSERT INTO lane(id) VALUES (?1) ON CONFLICT DO NOTHING", values![id])?;
    Ok(())
}

pub(crate) fn hold(conn: &mut Conn, id: &str, job_id: i64) -> Result<(), StoreError> {
    sql::execute(conn, "UPDATE lane SET held_by = ?2 WHERE id = ?1", values![id, job_id])?;
    Ok(())
}

/// Nobody runs in it now; who holds it goes on holding it.
pub(crate) fn stop_running(conn: &mut Conn, id: &str, job_id: i64) -> Result<(), StoreError> {
    sql::execute(conn, "UPDATE lane SET running_job = NULL WHERE id = ?1 AND running_job = ?2", values![id, job_id])?;
    Ok(())
}

/// The job has ended: the lane is free of it.
pub(crate) fn free(conn: &mut Conn, id: &str, job_id: i64) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE lane SET running_job = nullif(running_job, ?2), held_by = nullif(held_by, ?2) WHERE id = ?1",
        values![id, job_id],
    )?;
    Ok(())
}

/// The epoch never goes down.
pub(crate) fn raise_epoch(conn: &mut Conn, id: &str, epoch: i64) -> Result<(), StoreError> {
    sql::execute(conn, "UPDATE lane SET epoch = ?2 WHERE id = ?1 AND epoch < ?2", values![id, epoch])?;
    Ok(())
}

/// The first pause's time stays; the newest reason counts.
pub(crate) fn pause(conn: &mut Conn, id: &str, now: i64, reason: &str) -> Result<(), StoreError> {
    make(conn, id)?;
    sql::execute(
        conn,
        "UPDATE lane SET paused_at = coalesce(paused_at, ?2), pause_reason = ?3 WHERE id = ?1",
        values![id, now, reason],
    )?;
    Ok(())
}

pub(crate) fn resume(conn: &mut Conn, id: &str) -> Result<bool, StoreError> {
    let touched = sql::execute(
        conn,
        "UPDATE lane SET paused_at = NULL, pause_reason = NULL WHERE id = ?1 AND paused_at IS NOT NULL",
        values![id],
    )?;
    Ok(touched == 1)
}

/// Writes down that the server could not be reached.
pub(crate) fn set_outage(conn: &mut Conn, id: &str, outage: &Outage) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE lane SET out_since = ?2, out_tries = ?3, out_reason = ?4, retry_at = ?5, spared = ?6 WHERE id = ?1",
        values![id, outage.since, outage.tries, &outage.reason, outage.retry_at, outage.spared],
    )?;
    Ok(())
}

/// The server answers: what waits may go on.
pub(crate) fn end_outage(conn: &mut Conn, id: &str) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE lane SET out_since = NULL, out_tries = 0, out_reason = NULL, retry_at = NULL, spared = NULL
         WHERE id = ?1 AND out_since IS NOT NULL",
        values![id],
    )?;
    Ok(())
}

/// No wait is longer than this: a lane that seems to wait longer was put back before the clock was set back.
pub(crate) const LONGEST_WAIT_MS: i64 = 5 * 60 * 1000;

pub(super) const WITH_WORK: &str =
    "SELECT id FROM lane WHERE ready_at <= ?1 UNION ALL SELECT id FROM lane WHERE ready_at > ?1 + ?2";

/// Lanes with a job that may be claimed now; costs what they are, whatever waits in them and in others.
pub fn with_work(conn: &mut Conn, now: i64) -> Result<Vec<String>, StoreError> {
    struct Id(String);
    from_row!(Id, |row| Id(sql::text(row, "id")?));
    let ids: Vec<Id> = sql::rows(conn, WITH_WORK, values![now, LONGEST_WAIT_MS])?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

pub(super) const NEXT_READY: &str = "SELECT min(ready_at) AS n FROM lane WHERE ready_at > ?1";

/// When the next lane will have such a job that has none now.
pub fn next_ready(conn: &mut Conn, now: i64) -> Result<Option<i64>, StoreError> {
    sql::number(conn, NEXT_READY, values![now])
}

pub(super) const ASKED: &str =
    "SELECT lane AS id FROM job WHERE cancel_at IS NOT NULL AND state IN ('queued','running') AND state = 'running'";

/// Lanes whose running job is to be cancelled.
pub fn asked_to_cancel(conn: &mut Conn) -> Result<Vec<String>, StoreError> {
    struct Id(String);
    from_row!(Id, |row| Id(sql::text(row, "id")?));
    let ids: Vec<Id> = sql::rows(conn, ASKED, &[])?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

#[cfg(test)]
mod tests {
    //! The statements that run all the time go through the indexes made for them, whatever the number of finished jobs: one index
    //! too many once drew the watcher's question from 24 ms to a minute and a half.

    use super::{ASKED, NEXT_READY, WITH_WORK};
    use crate::store::sql::{self, from_row};
    use crate::store::{Db, deployments, jobs, running};

    fn check(text: &str, values: &[sql::Value<'_>], must: &str) {
        struct Line(String);
        from_row!(Line, |row| Line(sql::text(row, "detail")?));
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("infrakt.db")).unwrap();
        let plan: Vec<Line> = db.read(|conn| sql::rows(conn, &format!("EXPLAIN QUERY PLAN {text}"), values)).unwrap();
        let plan: Vec<String> = plan.into_iter().map(|line| line.0).collect();
        let of_tables = |line: &&String| line.starts_with("SEARCH ") || line.starts_with("SCAN ");
        for line in plan.iter().filter(of_tables) {
            // A row of another table, looked up.
            let by_id = ["INTEGER PRIMARY KEY", "USING PRIMARY KEY", "job_of_deployment (deployment_id=?)"];
            assert!(by_id.iter().any(|by| line.contains(by)) || line.contains(must), "{line}\nin {plan:#?}");
        }
        assert!(plan.iter().any(|line| line.contains(must)), "{must} is not used: {plan:#?}");
    }

    #[test]
    fn what_runs_all_the_time_goes_through_its_index() {
        check(WITH_WORK, sql::values![1i64, 1i64], "lane_ready");
        check(NEXT_READY, sql::values![1i64], "lane_ready");
        check(ASKED, &[], "job_asked");
        check(running::CLAIM, sql::values!["w", 1i64, 1i64, "srv:1", 1i64], "PRIMARY KEY");
        check(jobs::RUNNING, &[], "job_one_running");
        check(jobs::OF_ROUTES, sql::values!["srv:1"], "job_of_routes");
        check(deployments::ORPHANS, &[], "deployments_open");
    }
}
