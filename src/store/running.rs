//! Jobs that run: taking one, and what its owner alone may write. Each statement behind a claim names the fence and the state
//! `running`; what it returns says whether there was such a row.

use super::attempts;
use super::conn::Conn;
use super::error::StoreError;
use super::lanes::LONGEST_WAIT_MS;
use super::sql::{self, values};
use crate::domain::failure::Failure;
use crate::domain::job::{Job, JobState};

pub(super) const CLAIM: &str =
    "UPDATE job SET state = 'running', worker = ?1, lease_until = ?2 + ?3, wait_reason = NULL,
            fence = (SELECT epoch + 1 FROM lane WHERE lane.id = job.lane)
     WHERE id = (SELECT next_job FROM lane WHERE id = ?4 AND running_job IS NULL AND (ready_at <= ?2 OR ready_at > ?2 + ?5))
       AND state = 'queued'
     RETURNING *";

/// Takes the lane's next job: the one that holds the lane, or the oldest of the lowest priority number. Where that one waits for a
/// time no other one overtakes it.
/// Three statements; the caller's transaction makes them one.
pub(crate) fn claim(
    conn: &mut Conn,
    lane: &str,
    worker: &str,
    now: i64,
    lease_ms: i64,
) -> Result<Option<Job>, StoreError> {
    let job: Option<Job> = sql::row(conn, CLAIM, values![worker, now, lease_ms, lane, LONGEST_WAIT_MS])?;
    if let Some(job) = &job {
        sql::execute(
            conn,
            "UPDATE lane SET epoch = ?2, running_job = ?3 WHERE id = ?1",
            values![lane, job.fence, job.id],
        )?;
        attempts::insert(conn, job.id, job.fence, worker, now)?;
    }
    Ok(job)
}

/// The job, if this fence may write to it.
pub(crate) fn owned(conn: &mut Conn, id: i64, fence: i64) -> Result<Option<Job>, StoreError> {
    sql::row(conn, "SELECT * FROM job WHERE id = ?1 AND fence = ?2 AND state = 'running'", values![id, fence])
}

pub(crate) fn set_plan(conn: &mut Conn, job: &Job, version: i64, plan: &str) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET plan = ?3, plan_version = ?4 WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence, plan, version],
    )
}

/// Its first step's intent is written.
pub(crate) fn set_begun(conn: &mut Conn, job: &Job, now: i64, prev_status: Option<&str>) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET started_at = coalesce(started_at, ?3), prev_status = coalesce(prev_status, ?4)
         WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence, now, prev_status],
    )
}

pub(crate) fn renew(conn: &mut Conn, id: i64, fence: i64, lease_until: i64) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET lease_until = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![id, fence, lease_until],
    )
}

/// A step came to its end: whoever runs this job does not die of it.
pub(crate) fn reset_rescues(conn: &mut Conn, job: &Job) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET rescues = 0 WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence],
    )
}

pub(crate) fn clear_resolution(conn: &mut Conn, job: &Job) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET resolution = NULL WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence],
    )
}

/// Why the job will fail, while its clean-up goes on.
pub(crate) fn set_failure(conn: &mut Conn, job: &Job, failure: &Failure) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET error = ?3, error_class = ?4 WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence, &failure.text_and_hint(), &failure.class_and_code()],
    )
}

/// The new fence of a job whose lane's epoch was raised under it.
pub(crate) fn set_fence(conn: &mut Conn, job: &Job, fence: i64) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET fence = ?3 WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence, fence],
    )
}

/// Running → an end; the job as it is then, if this fence may end it.
pub(crate) fn finish(
    conn: &mut Conn,
    job: &Job,
    now: i64,
    state: JobState,
    failure: Option<&Failure>,
    result: Option<&str>,
) -> Result<Option<Job>, StoreError> {
    let (error, class) = (failure.map(Failure::text_and_hint), failure.map(Failure::class_and_code));
    sql::row(
        conn,
        "UPDATE job SET state = ?3, finished_at = ?4, error = ?5, error_class = ?6, result = ?7, wait_reason = NULL, resolution = NULL,
                worker = NULL, lease_until = NULL
         WHERE id = ?1 AND fence = ?2 AND state = 'running'
         RETURNING *",
        values![job.id, job.fence, state.as_str(), now, &error, &class, result],
    )
}

/// Running → queued.
pub(crate) fn put_back(
    conn: &mut Conn,
    job: &Job,
    run_at: i64,
    reason: Option<&str>,
    attempt: i32,
    rescues: i32,
) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET state = 'queued', run_at = ?3, wait_reason = ?4, attempt = ?5, rescues = ?6, worker = NULL, lease_until = NULL
         WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence, run_at, reason, attempt, rescues],
    )
}

/// Running → attention.
pub(crate) fn need_person(conn: &mut Conn, job: &Job, question: &str, rescues: i32) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET state = 'attention', wait_reason = ?3, rescues = ?4, worker = NULL, lease_until = NULL
         WHERE id = ?1 AND fence = ?2 AND state = 'running'",
        values![job.id, job.fence, question, rescues],
    )
}
