//! Steps of jobs, each run a row, written before the step is started.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};
use crate::domain::job::JobStep;
use crate::domain::step::{OnLost, StepState};

from_row!(JobStep, |row| JobStep {
    job_id: sql::int(row, "job_id")?,
    seq: sql::int(row, "seq")?,
    run: sql::int(row, "run")?,
    name: sql::text(row, "name")?,
    remote_id: sql::text(row, "remote_id")?,
    script_sha256: sql::text(row, "script_sha256")?,
    on_lost: sql::parsed(row, "on_lost")?,
    fence: sql::int(row, "fence")?,
    state: sql::parsed(row, "state")?,
    log_off: sql::int(row, "log_off")?,
    started_at: sql::int(row, "started_at")?,
    finished_at: sql::opt(row, "finished_at")?,
    exit_code: sql::opt(row, "exit_code")?,
    exit_reason: sql::opt_text(row, "exit_reason")?,
    output: sql::opt_text(row, "output")?,
});

/// All runs of all steps, in order.
pub fn of_job(conn: &mut Conn, job_id: i64) -> Result<Vec<JobStep>, StoreError> {
    sql::rows(conn, "SELECT * FROM job_step WHERE job_id = ?1 ORDER BY seq, run", values![job_id])
}

pub fn find(conn: &mut Conn, job_id: i64, seq: i32, run: i32) -> Result<Option<JobStep>, StoreError> {
    sql::row(conn, "SELECT * FROM job_step WHERE job_id = ?1 AND seq = ?2 AND run = ?3", values![job_id, seq, run])
}

#[derive(Clone, Debug)]
pub(crate) struct Insert<'a> {
    pub seq: i32,
    pub run: i32,
    pub name: &'a str,
    pub remote_id: &'a str,
    pub script_sha256: &'a str,
    pub on_lost: OnLost,
}

/// Writes the intent; where it stands already (the owner before wrote it) only the fence is the new owner's.
pub(crate) fn begin(
    conn: &mut Conn,
    now: i64,
    job_id: i64,
    fence: i64,
    step: &Insert<'_>,
) -> Result<Option<JobStep>, StoreError> {
    sql::row(
        conn,
        "INSERT INTO job_step(job_id, seq, run, name, remote_id, script_sha256, on_lost, fence, state, started_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'started', ?9)
         ON CONFLICT (job_id, seq, run) DO UPDATE SET fence = excluded.fence WHERE job_step.state = 'started'
         RETURNING *",
        values![
            job_id,
            step.seq,
            step.run,
            step.name,
            step.remote_id,
            step.script_sha256,
            step.on_lost.as_str(),
            fence,
            now
        ],
    )
}

/// Started → over.
#[expect(clippy::too_many_arguments, reason = "the columns of one statement")]
pub(crate) fn end(
    conn: &mut Conn,
    now: i64,
    job_id: i64,
    seq: i32,
    run: i32,
    state: StepState,
    exit_code: Option<i32>,
    exit_reason: Option<&str>,
    output: Option<&str>,
) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job_step SET state = ?4, finished_at = ?5, exit_code = ?6, exit_reason = ?7, output = ?8
         WHERE job_id = ?1 AND seq = ?2 AND run = ?3 AND state = 'started'",
        values![job_id, seq, run, state.as_str(), now, exit_code, exit_reason, output],
    )
}

/// How much of a step's log has been dealt with, and how much of that is kept here; none: no such run, or it is over.
pub(crate) fn log_position(conn: &mut Conn, job_id: i64, seq: i32, run: i32) -> Result<Option<(i64, i64)>, StoreError> {
    struct Position(i64, i64);
    from_row!(Position, |row| Position(sql::int(row, "log_off")?, sql::int(row, "log_kept")?));
    let position: Option<Position> = sql::row(
        conn,
        "SELECT log_off, log_kept FROM job_step WHERE job_id = ?1 AND seq = ?2 AND run = ?3 AND state = 'started'",
        values![job_id, seq, run],
    )?;
    Ok(position.map(|p| (p.0, p.1)))
}

pub(crate) fn set_log_position(
    conn: &mut Conn,
    job_id: i64,
    seq: i32,
    run: i32,
    log_off: i64,
    log_kept: i64,
) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job_step SET log_off = ?4, log_kept = ?5 WHERE job_id = ?1 AND seq = ?2 AND run = ?3",
        values![job_id, seq, run, log_off, log_kept],
    )
}

/// Takes over from another job a step that is done: nothing of it runs again.
pub(crate) fn copy_done(conn: &mut Conn, step: &JobStep, to_job: i64, fence: i64) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO job_step(job_id, seq, run, name, remote_id, script_sha256, on_lost, fence, state, log_off, started_at,
             finished_at, exit_code, exit_reason, output)
         SELECT ?4, seq, run, name, remote_id, script_sha256, on_lost, ?5, state, log_off, started_at, finished_at, exit_code,
             exit_reason, output
         FROM job_step WHERE job_id = ?1 AND seq = ?2 AND run = ?3",
        values![step.job_id, step.seq, step.run, to_job, fence],
    )?;
    Ok(())
}

pub(crate) fn delete_all(conn: &mut Conn, job_id: i64) -> Result<usize, StoreError> {
    sql::execute(conn, "DELETE FROM job_step WHERE job_id = ?1", values![job_id])
}

/// Whatever is under way of a job that ends.
pub(crate) fn end_open(conn: &mut Conn, now: i64, job_id: i64, state: StepState) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job_step SET state = ?2, finished_at = ?3 WHERE job_id = ?1 AND state = 'started'",
        values![job_id, state.as_str(), now],
    )
}
