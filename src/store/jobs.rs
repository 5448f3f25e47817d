//! Jobs: accepting, finding, counting and forgetting them, and what happens to those that do not run ([`super::running`]: to those
//! that do).

use super::conn::Conn;
use super::error::StoreError;
use super::page::Page;
use super::sql::{self, from_row, values};
use crate::domain::failure::Failure;
use crate::domain::job::{Job, JobKind, JobState, Resolution};

from_row!(Job, |row| {
    let error = sql::opt_text(row, "error")?;
    let failure =
        sql::opt_text(row, "error_class")?.map(|class| Failure::from_columns(&class, &error.unwrap_or_default()));
    Job {
        id: sql::int(row, "id")?,
        uid: sql::text(row, "uid")?,
        kind: sql::parsed(row, "kind")?,
        title: sql::text(row, "title")?,
        lane: sql::text(row, "lane")?,
        server_id: sql::opt(row, "server_id")?,
        app_id: sql::opt(row, "app_id")?,
        deployment_id: sql::opt(row, "deployment_id")?,
        server_name: sql::text(row, "server_name")?,
        app_name: sql::opt_text(row, "app_name")?,
        priority: sql::int(row, "priority")?,
        state: sql::parsed(row, "state")?,
        run_at: sql::int(row, "run_at")?,
        wait_reason: sql::opt_text(row, "wait_reason")?,
        args: sql::text(row, "args")?,
        args_version: sql::int(row, "args_version")?,
        plan: sql::opt_text(row, "plan")?,
        plan_version: sql::opt(row, "plan_version")?,
        attempt: sql::int(row, "attempt")?,
        max_attempts: sql::int(row, "max_attempts")?,
        rescues: sql::int(row, "rescues")?,
        fence: sql::int(row, "fence")?,
        worker: sql::opt_text(row, "worker")?,
        lease_until: sql::opt(row, "lease_until")?,
        cancel_at: sql::opt(row, "cancel_at")?,
        cancel_by: sql::opt_text(row, "cancel_by")?,
        resolution: sql::opt_parsed(row, "resolution")?,
        unique_key: sql::opt_text(row, "unique_key")?,
        coalesce_key: sql::opt_text(row, "coalesce_key")?,
        retry_of: sql::opt(row, "retry_of")?,
        prev_status: sql::opt_text(row, "prev_status")?,
        requested_by: sql::text(row, "requested_by")?,
        created_at: sql::int(row, "created_at")?,
        started_at: sql::opt(row, "started_at")?,
        finished_at: sql::opt(row, "finished_at")?,
        result: sql::opt_text(row, "result")?,
        failure,
    }
});

/// What a new row holds; the rest are the table's defaults.
#[derive(Clone, Debug)]
pub(crate) struct Insert<'a> {
    pub uid: &'a str,
    pub kind: JobKind,
    pub title: &'a str,
    pub lane: &'a str,
    pub server_id: i64,
    pub app_id: Option<i64>,
    pub deployment_id: Option<i64>,
    pub server_name: &'a str,
    pub app_name: Option<&'a str>,
    pub priority: i32,
    pub run_at: i64,
    pub args: &'a str,
    pub args_version: i32,
    pub max_attempts: i32,
    pub unique_key: Option<&'a str>,
    pub coalesce_key: Option<&'a str>,
    pub retry_of: Option<i64>,
    pub requested_by: &'a str,
}

pub(crate) fn insert(conn: &mut Conn, now: i64, job: &Insert<'_>) -> Result<Job, StoreError> {
    let inserted = sql::row(
        conn,
        "INSERT INTO job(uid, kind, title, lane, server_id, app_id, deployment_id, server_name, app_name, priority, run_at, args,
             args_version, max_attempts, unique_key, coalesce_key, retry_of, requested_by, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) RETURNING *",
        values![
            job.uid,
            job.kind.as_str(),
            job.title,
            job.lane,
            job.server_id,
            job.app_id,
            job.deployment_id,
            job.server_name,
            job.app_name,
            job.priority,
            job.run_at,
            job.args,
            job.args_version,
            job.max_attempts,
            job.unique_key,
            job.coalesce_key,
            job.retry_of,
            job.requested_by,
            now
        ],
    )?;
    inserted.ok_or_else(|| StoreError::Unreadable("the job that was inserted".to_owned()))
}

pub fn find(conn: &mut Conn, id: i64) -> Result<Option<Job>, StoreError> {
    sql::row(conn, "SELECT * FROM job WHERE id = ?1", values![id])
}

/// The one alive with this key.
pub fn alive_with_unique_key(conn: &mut Conn, key: &str) -> Result<Option<Job>, StoreError> {
    sql::row(
        conn,
        "SELECT * FROM job WHERE unique_key = ?1 AND state IN ('blocked','queued','running','attention')",
        values![key],
    )
}

/// The one waiting with this key that has not begun.
pub fn waiting_with_coalesce_key(conn: &mut Conn, key: &str) -> Result<Option<Job>, StoreError> {
    sql::row(
        conn,
        "SELECT * FROM job WHERE coalesce_key = ?1 AND state = 'queued' AND started_at IS NULL",
        values![key],
    )
}

/// Names what each state implies: it leads the planner to the partial index.
const ENDED: &str = " AND finished_at IS NOT NULL";
const ALIVE: &str = " AND finished_at IS NULL";

/// Which jobs a list holds.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub server_id: Option<i64>,
    pub app_id: Option<i64>,
    pub deployment_id: Option<i64>,
    pub state: Option<JobState>,
    /// Only those that have not ended.
    pub alive: bool,
}

/// The newest first.
pub fn list(conn: &mut Conn, filter: &Filter, page: Page) -> Result<Vec<Job>, StoreError> {
    let mut text = String::from("SELECT * FROM job WHERE id < ?1");
    for (given, condition) in [
        (filter.server_id.is_some(), " AND server_id = ?3"),
        (filter.app_id.is_some(), " AND app_id = ?4"),
        (filter.deployment_id.is_some(), " AND deployment_id = ?5"),
        (filter.state.is_some(), " AND state = ?6"),
        (filter.state.is_some_and(JobState::is_final), ENDED),
        (filter.alive || filter.state.is_some_and(|state| !state.is_final()), ALIVE),
    ] {
        if given {
            text.push_str(condition);
        }
    }
    text.push_str(" ORDER BY id DESC LIMIT ?2");
    let state = filter.state.map(JobState::as_str);
    sql::rows(
        conn,
        &text,
        values![page.below(), page.limit, filter.server_id, filter.app_id, filter.deployment_id, state],
    )
}

struct Took(i64);

from_row!(Took, |row| Took(sql::int(row, "took")?));

/// How many of the newest jobs [`lately`] looks at.
const LATELY: i64 = 20;

/// How long the newest jobs of this kind took, of this app or else of this server, the newest first: at most `limit` that succeeded
/// among the last few.
pub fn lately(conn: &mut Conn, like: &Job, limit: i64) -> Result<Vec<i64>, StoreError> {
    let (column, id) = match like.app_id {
        Some(app_id) => ("app_id", Some(app_id)),
        None => ("server_id", like.server_id),
    };
    let text = format!(
        "SELECT finished_at - started_at AS took FROM (SELECT * FROM job WHERE {column} = ?1 ORDER BY id DESC LIMIT ?4)
         WHERE kind = ?2 AND state = 'succeeded' AND started_at IS NOT NULL LIMIT ?3"
    );
    let rows: Vec<Took> = sql::rows(conn, &text, values![id, like.kind.as_str(), limit, LATELY])?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// How many are in this state.
pub fn count(conn: &mut Conn, state: JobState) -> Result<i64, StoreError> {
    let side = if state.is_final() { ENDED } else { ALIVE };
    let text = format!("SELECT count(*) AS n FROM job WHERE state = ?1{side}");
    Ok(sql::number(conn, &text, values![state.as_str()])?.unwrap_or_default())
}

/// Attention → queued, due at once; with an answer, or because it is to be cancelled.
pub(crate) fn answer(conn: &mut Conn, id: i64, now: i64, answer: Option<Resolution>) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET state = 'queued', run_at = ?2, wait_reason = NULL, resolution = ?3, rescues = 0
         WHERE id = ?1 AND state = 'attention'",
        values![id, now, answer.map(Resolution::as_str)],
    )
}

/// Queued → cancelled, for jobs that have not begun.
pub(crate) fn cancel_unbegun(
    conn: &mut Conn,
    id: i64,
    now: i64,
    failure: &Failure,
    result: Option<&str>,
) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET state = 'cancelled', finished_at = ?2, wait_reason = NULL, error = ?3, error_class = ?4, result = ?5
         WHERE id = ?1 AND state IN ('blocked', 'queued') AND started_at IS NULL",
        values![id, now, &failure.text_and_hint(), &failure.class_and_code(), result],
    )
}

/// Asks its owner to cancel it, now or with the next claim; who asked first is kept.
pub(crate) fn ask_to_cancel(conn: &mut Conn, id: i64, now: i64, by: &str) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET cancel_at = coalesce(cancel_at, ?2), cancel_by = coalesce(cancel_by, ?3), run_at = min(run_at, ?2)
         WHERE id = ?1 AND finished_at IS NULL",
        values![id, now, by],
    )
}

/// Whatever it was → failed, also under a living owner, who finds out with its next write.
pub(crate) fn abandon(conn: &mut Conn, id: i64, now: i64, failure: &Failure) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET state = 'failed', finished_at = ?2, error = ?3, error_class = ?4, wait_reason = NULL, resolution = NULL,
                worker = NULL, lease_until = NULL
         WHERE id = ?1 AND finished_at IS NULL",
        values![id, now, &failure.text_and_hint(), &failure.class_and_code()],
    )
}

/// Before all others that wait in its lane: it takes 0, and whoever had 0 gives way.
pub(crate) fn bump(conn: &mut Conn, job: &Job) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET priority = 1 WHERE lane = ?1 AND state = 'queued' AND priority = 0 AND id <> ?2",
        values![&job.lane, job.id],
    )?;
    sql::execute(conn, "UPDATE job SET priority = 0 WHERE id = ?1 AND state = 'queued'", values![job.id])?;
    Ok(())
}

/// The lane and the states of the index, as conditions, lead the planner to it: at most one row a lane is in there.
pub(super) const RUNNING: &str =
    "SELECT * FROM job WHERE lane > '' AND state IN ('running','attention') AND state = 'running'
     ORDER BY lease_until, id";

/// The jobs that run now.
pub fn running(conn: &mut Conn) -> Result<Vec<Job>, StoreError> {
    sql::rows(conn, RUNNING, &[])
}

/// The job of the lane that would be claimed before the others if all were due.
pub(crate) fn first_waiting(conn: &mut Conn, lane: &str) -> Result<Option<Job>, StoreError> {
    sql::row(
        conn,
        "SELECT * FROM job WHERE lane = ?1 AND state = 'queued' ORDER BY priority, id LIMIT 1",
        values![lane],
    )
}

/// Whether a job runs, whoever runs it.
pub fn any_running(conn: &mut Conn) -> Result<bool, StoreError> {
    let text =
        "SELECT 1 AS n FROM job WHERE lane > '' AND state IN ('running','attention') AND state = 'running' LIMIT 1";
    Ok(sql::number(conn, text, &[])?.is_some())
}

/// The newest that waits in a lane.
pub(crate) fn newest_waiting(conn: &mut Conn, lane: &str) -> Result<Option<i64>, StoreError> {
    let text = "SELECT max(id) AS n FROM job WHERE lane = ?1 AND state = 'queued'";
    sql::number(conn, text, values![lane])
}

pub(super) const OF_ROUTES: &str =
    "SELECT * FROM job WHERE lane = ?1 AND kind = 'proxy' AND finished_at IS NULL ORDER BY id";

/// Jobs of a lane that change routes and have not ended, the oldest first.
pub(crate) fn alive_of_routes(conn: &mut Conn, lane: &str) -> Result<Vec<Job>, StoreError> {
    sql::rows(conn, OF_ROUTES, values![lane])
}

/// Jobs that have not ended: of a lane.
pub fn alive_in_lane(conn: &mut Conn, lane: &str) -> Result<Vec<Job>, StoreError> {
    // Two halves, each with an index of its own; `blocked`, which nothing makes yet, has none.
    sql::rows(
        conn,
        "SELECT * FROM job WHERE id IN (
           SELECT id FROM job WHERE lane = ?1 AND state = 'queued'
           UNION ALL SELECT id FROM job WHERE lane = ?1 AND state IN ('running','attention')) ORDER BY id",
        values![lane],
    )
}

/// The job of an app that was asked for last and has not ended.
pub(crate) fn newest_alive_of_app(conn: &mut Conn, app_id: i64) -> Result<Option<i64>, StoreError> {
    sql::number(conn, "SELECT max(id) AS n FROM job WHERE app_id = ?1 AND finished_at IS NULL", values![app_id])
}

/// The push of an app's environment that was asked for last among those that succeeded.
pub fn newest_env_push(conn: &mut Conn, app_id: i64) -> Result<Option<Job>, StoreError> {
    let text =
        "SELECT * FROM job WHERE app_id = ?1 AND kind = 'env_push' AND state = 'succeeded' ORDER BY id DESC LIMIT 1";
    sql::row(conn, text, values![app_id])
}

/// Whether an app was destroyed by a job that ended well.
pub fn was_destroyed(conn: &mut Conn, app_id: i64) -> Result<bool, StoreError> {
    let text = "SELECT count(*) AS n FROM job WHERE app_id = ?1 AND kind = 'destroy' AND state = 'succeeded'";
    Ok(sql::number(conn, text, values![app_id])?.unwrap_or_default() > 0)
}

/// Jobs of one server in one state that have not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliveCount {
    pub server_name: String,
    pub state: JobState,
    pub count: i64,
    /// The earliest time from which one of them was due.
    pub first_run_at: i64,
}

from_row!(AliveCount, |row| AliveCount {
    server_name: sql::text(row, "server_name")?,
    state: sql::parsed(row, "state")?,
    count: sql::int(row, "n")?,
    first_run_at: sql::int(row, "first_run_at")?,
});

pub fn alive_by_server(conn: &mut Conn) -> Result<Vec<AliveCount>, StoreError> {
    sql::rows(
        conn,
        "SELECT server_name, state, count(*) AS n, min(run_at) AS first_run_at FROM job WHERE finished_at IS NULL
         GROUP BY server_name, state ORDER BY server_name, state",
        &[],
    )
}

/// How many have not ended.
pub fn alive_count(conn: &mut Conn) -> Result<i64, StoreError> {
    Ok(sql::number(conn, "SELECT count(*) AS n FROM job WHERE finished_at IS NULL", &[])?.unwrap_or_default())
}

/// When the oldest of the newest `keep` finished jobs ended; none: there are no more than that.
pub(crate) fn end_of_newest(conn: &mut Conn, keep: i64) -> Result<Option<i64>, StoreError> {
    sql::number(
        conn,
        "SELECT finished_at AS n FROM job WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT 1 OFFSET ?1",
        values![keep.saturating_sub(1).max(0)],
    )
}

/// Forgets up to `limit` jobs that ended before `before`, the oldest first, with steps, log and attempts.
pub(crate) fn prune(conn: &mut Conn, before: i64, limit: i64) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        // The last push of each app stays: it alone says which environment is on the server.
        "DELETE FROM job WHERE id IN (SELECT j.id FROM job j WHERE j.finished_at < ?1
             AND NOT (j.kind = 'env_push' AND j.state = 'succeeded' AND EXISTS (SELECT 1 FROM apps a WHERE a.id = j.app_id)
                 AND NOT EXISTS (SELECT 1 FROM job n WHERE n.app_id = j.app_id AND n.id > j.id
                     AND n.kind = 'env_push' AND n.state = 'succeeded'))
             ORDER BY j.finished_at LIMIT ?2)",
        values![before, limit],
    )
}

/// What people call it and its server.
pub(crate) fn set_names(conn: &mut Conn, id: i64, title: &str, server_name: &str) -> Result<(), StoreError> {
    sql::execute(conn, "UPDATE job SET title = ?2, server_name = ?3 WHERE id = ?1", values![id, title, server_name])?;
    Ok(())
}

/// Other arguments, for a job that waits and has not begun.
pub(crate) fn set_args(conn: &mut Conn, id: i64, args: &str) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET args = ?2 WHERE id = ?1 AND state = 'queued' AND started_at IS NULL",
        values![id, args],
    )
}

/// Names the job that took this one's place, in the transaction that ended it.
pub(crate) fn set_superseded_by(
    conn: &mut Conn,
    id: i64,
    failure: &Failure,
    result: &str,
) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "UPDATE job SET error = ?2, result = ?3 WHERE id = ?1 AND state = 'cancelled'",
        values![id, &failure.text_and_hint(), result],
    )
}
