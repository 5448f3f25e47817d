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
}

from_row!(Lane, |row| Lane {
    id: sql::text(row, "id")?,
    epoch: sql::int(row, "epoch")?,
    running_job: sql::opt(row, "running_job")?,
    held_by: sql::opt(row, "held_by")?,
    paused_at: sql::opt(row, "paused_at")?,
    pause_reason: sql::opt_text(row, "pause_reason")?,
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

pub(super) const WITH_WORK: &str = "WITH RECURSIVE ln(lane) AS (
       SELECT min(lane) FROM job WHERE state = 'queued'
       UNION ALL
       SELECT (SELECT min(lane) FROM job WHERE state = 'queued' AND lane > ln.lane) FROM ln WHERE ln.lane IS NOT NULL
     )
     SELECT l.id FROM ln CROSS JOIN lane l ON l.id = ln.lane
     WHERE l.running_job IS NULL
       AND EXISTS (SELECT 1 FROM job j WHERE j.lane = l.id AND j.state = 'queued' AND j.run_at <= ?1
                   AND (l.paused_at IS NULL OR j.cancel_at IS NOT NULL)
                   AND (l.held_by IS NULL OR l.held_by = j.id))";

/// Lanes with a job that is due and may be claimed; costs the same whatever the backlog.
pub fn with_work(conn: &mut Conn, now: i64) -> Result<Vec<String>, StoreError> {
    struct Id(String);
    from_row!(Id, |row| Id(sql::text(row, "id")?));
    let ids: Vec<Id> = sql::rows(conn, WITH_WORK, values![now])?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

#[cfg(test)]
mod tests {
    //! The statements that run all the time go through the indexes made for them, whatever the number of finished jobs: one index
    //! too many once drew the watcher's question from 24 ms to a minute and a half.

    use super::WITH_WORK;
    use crate::store::sql::{self, from_row};
    use crate::store::{Db, jobs, running};

    fn check(text: &str, values: &[sql::Value<'_>], must: &str) {
        struct Line(String);
        from_row!(Line, |row| Line(sql::text(row, "detail")?));
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(&dir.path().join("infrakt.db")).unwrap();
        let plan: Vec<Line> = db.read(|conn| sql::rows(conn, &format!("EXPLAIN QUERY PLAN {text}"), values)).unwrap();
        let plan: Vec<String> = plan.into_iter().map(|line| line.0).collect();
        let of_jobs = |line: &&String| line.contains(" job ") || line.contains(" j ") || line.ends_with(" job");
        for line in plan.iter().filter(of_jobs) {
            let by_id = line.contains("INTEGER PRIMARY KEY");
            assert!(line.starts_with("SEARCH") && (by_id || line.contains(must)), "{line}\nin {plan:#?}");
        }
        assert!(plan.iter().any(|line| line.contains(must)), "{must} is not used: {plan:#?}");
    }

    #[test]
    fn what_runs_all_the_time_goes_through_its_index() {
        check(WITH_WORK, sql::values![1i64], "job_ready");
        check(running::CLAIM, sql::values!["w", 1i64, 1i64, "srv:1"], "job_ready");
        check(jobs::NEXT_DUE, sql::values![1i64], "job_due");
        check(jobs::RUNNING, &[], "job_one_running");
    }
}
