//! Answers given under an idempotency key, kept to be given again.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub request_hash: String,
    pub job_id: Option<i64>,
    /// As HTTP counts.
    pub status: u16,
    pub body: String,
}

from_row!(Answer, |row| Answer {
    request_hash: sql::text(row, "request_hash")?,
    job_id: sql::opt(row, "job_id")?,
    status: sql::int(row, "status")?,
    body: sql::text(row, "body")?,
});

/// One that has not expired.
pub(crate) fn find(conn: &mut Conn, now: i64, key: &str, principal: &str) -> Result<Option<Answer>, StoreError> {
    sql::row(
        conn,
        "SELECT request_hash, job_id, status, body FROM idempotency WHERE key = ?1 AND principal = ?2 AND expires_at > ?3",
        values![key, principal, now],
    )
}

/// Takes the place of one that has expired; [`StoreError::Exists`] never: the caller has looked in the same transaction.
pub(crate) fn insert(
    conn: &mut Conn,
    key: &str,
    principal: &str,
    answer: &Answer,
    expires_at: i64,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO idempotency(key, principal, request_hash, job_id, status, body, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (key, principal) DO UPDATE SET request_hash = excluded.request_hash, job_id = excluded.job_id,
             status = excluded.status, body = excluded.body, expires_at = excluded.expires_at",
        values![key, principal, &answer.request_hash, answer.job_id, answer.status, &answer.body, expires_at],
    )?;
    Ok(())
}

pub(crate) fn prune(conn: &mut Conn, now: i64, limit: i64) -> Result<usize, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM idempotency WHERE (key, principal) IN
           (SELECT key, principal FROM idempotency WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
        values![now, limit],
    )
}
