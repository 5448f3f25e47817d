//! Log chunks of jobs, numbered densely from 1: the number is the cursor of whoever follows.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub seq: i64,
    pub ts: i64,
    /// None: a note of the control plane itself.
    pub step_seq: Option<i32>,
    pub run: Option<i32>,
    pub bytes: Vec<u8>,
}

from_row!(Chunk, |row| Chunk {
    seq: sql::int(row, "seq")?,
    ts: sql::int(row, "ts")?,
    step_seq: sql::opt(row, "step_seq")?,
    run: sql::opt(row, "run")?,
    bytes: sql::blob(row, "chunk")?,
});

/// The chunks behind `after` (0: from the first), in order.
pub fn after(conn: &mut Conn, job_id: i64, after: i64, limit: i64) -> Result<Vec<Chunk>, StoreError> {
    sql::rows(
        conn,
        "SELECT seq, ts, step_seq, run, chunk FROM job_log WHERE job_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
        values![job_id, after, limit],
    )
}

/// What is kept of one run of a step, in order; its chunks joined are its log.
pub fn of_step(conn: &mut Conn, job_id: i64, step_seq: i32, run: i32) -> Result<Vec<Vec<u8>>, StoreError> {
    let chunks: Vec<Chunk> = sql::rows(
        conn,
        "SELECT seq, ts, step_seq, run, chunk FROM job_log WHERE job_id = ?1 AND step_seq = ?2 AND run = ?3 ORDER BY seq",
        values![job_id, step_seq, run],
    )?;
    Ok(chunks.into_iter().map(|chunk| chunk.bytes).collect())
}

/// The last chunks that hold at least `bytes` bytes together, in order.
pub fn tail(conn: &mut Conn, job_id: i64, bytes: usize) -> Result<Vec<Chunk>, StoreError> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let (mut have, mut before) = (0, i64::MAX);
    while have < bytes {
        let some: Vec<Chunk> = sql::rows(
            conn,
            "SELECT seq, ts, step_seq, run, chunk FROM job_log WHERE job_id = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT 16",
            values![job_id, before],
        )?;
        let Some(oldest) = some.last() else { break };
        before = oldest.seq;
        have += some.iter().map(|c| c.bytes.len()).sum::<usize>();
        chunks.extend(some);
    }
    chunks.reverse();
    Ok(chunks)
}

/// The number of the last chunk; 0 when there is none.
pub fn last_seq(conn: &mut Conn, job_id: i64) -> Result<i64, StoreError> {
    let last = sql::number(conn, "SELECT max(seq) AS n FROM job_log WHERE job_id = ?1", values![job_id])?;
    Ok(last.unwrap_or_default())
}

/// Appends under the next number, which is returned.
pub(crate) fn append(
    conn: &mut Conn,
    now: i64,
    job_id: i64,
    step: Option<(i32, i32)>,
    chunk: &[u8],
) -> Result<i64, StoreError> {
    let seq = last_seq(conn, job_id)? + 1;
    sql::execute(
        conn,
        "INSERT INTO job_log(job_id, seq, ts, step_seq, run, chunk) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![job_id, seq, now, step.map(|s| s.0), step.map(|s| s.1), chunk],
    )?;
    Ok(seq)
}
