//! Asking twice is harmless: the answer under a key is given again, and a key is good for one request.

use super::error::QueueError;
use crate::store::Conn;
use crate::store::idempotency::{self, Answer};

/// How long an answer is kept.
pub const KEPT_MS: i64 = 24 * 60 * 60 * 1000;

/// The answer given before under this key. [`QueueError::KeyReused`] where the request was another one. Call it in the transaction
/// that enqueues: of two at once the second one finds the answer of the first.
pub fn answer(
    conn: &mut Conn,
    now: i64,
    principal: &str,
    key: &str,
    request_hash: &str,
) -> Result<Option<Answer>, QueueError> {
    match idempotency::find(conn, now, key, principal)? {
        Some(answer) if answer.request_hash != request_hash => Err(QueueError::KeyReused),
        found => Ok(found),
    }
}

/// Keeps an answer, in the transaction that made it true.
pub fn remember(conn: &mut Conn, now: i64, principal: &str, key: &str, answer: &Answer) -> Result<(), QueueError> {
    Ok(idempotency::insert(conn, key, principal, answer, now + KEPT_MS)?)
}
