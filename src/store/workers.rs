//! Processes that may run jobs: one row each, under a uuid made at the process's start.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerRow {
    pub id: String,
    pub host: String,
    pub pid: u32,
    /// `serve`, `worker`, `cli`.
    pub kind: String,
    pub version: String,
    pub started_at: i64,
    pub beat_at: i64,
    pub draining: bool,
}

from_row!(WorkerRow, |row| WorkerRow {
    id: sql::text(row, "id")?,
    host: sql::text(row, "host")?,
    pid: sql::int(row, "pid")?,
    kind: sql::text(row, "kind")?,
    version: sql::text(row, "version")?,
    started_at: sql::int(row, "started_at")?,
    beat_at: sql::int(row, "beat_at")?,
    draining: sql::int::<i64>(row, "draining")? != 0,
});

pub(crate) fn insert(conn: &mut Conn, worker: &WorkerRow) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO worker(id, host, pid, kind, version, started_at, beat_at, draining) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![
            &worker.id,
            &worker.host,
            worker.pid,
            &worker.kind,
            &worker.version,
            worker.started_at,
            worker.beat_at,
            worker.draining
        ],
    )?;
    Ok(())
}

pub fn list(conn: &mut Conn) -> Result<Vec<WorkerRow>, StoreError> {
    sql::rows(conn, "SELECT * FROM worker ORDER BY started_at, id", &[])
}

pub fn find(conn: &mut Conn, id: &str) -> Result<Option<WorkerRow>, StoreError> {
    sql::row(conn, "SELECT * FROM worker WHERE id = ?1", values![id])
}

pub(crate) fn beat(conn: &mut Conn, id: &str, now: i64) -> Result<usize, StoreError> {
    sql::execute(conn, "UPDATE worker SET beat_at = ?2 WHERE id = ?1", values![id, now])
}

pub(crate) fn drain(conn: &mut Conn, id: &str) -> Result<usize, StoreError> {
    sql::execute(conn, "UPDATE worker SET draining = 1 WHERE id = ?1", values![id])
}

pub(crate) fn delete(conn: &mut Conn, id: &str) -> Result<usize, StoreError> {
    sql::execute(conn, "DELETE FROM worker WHERE id = ?1", values![id])
}
