//! Keys of the API by their hashes, and the sessions that stand for them.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, from_row, values};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub name: String,
    pub scope: String,
    pub created_by: String,
    pub created_at: i64,
    pub last_used_at: Option<i64>,
}

from_row!(ApiKey, |row| ApiKey {
    name: sql::text(row, "name")?,
    scope: sql::text(row, "scope")?,
    created_by: sql::text(row, "created_by")?,
    created_at: sql::int(row, "created_at")?,
    last_used_at: sql::opt(row, "last_used_at")?,
});

/// [`StoreError::Exists`]: the name is taken.
pub fn insert(conn: &mut Conn, key: &ApiKey, hash: &str) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO api_key(name, hash, scope, created_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        values![&key.name, hash, &key.scope, &key.created_by, key.created_at],
    )?;
    Ok(())
}

pub fn list(conn: &mut Conn) -> Result<Vec<ApiKey>, StoreError> {
    sql::rows(conn, "SELECT * FROM api_key ORDER BY name LIMIT 1000", &[])
}

pub fn find(conn: &mut Conn, hash: &str) -> Result<Option<ApiKey>, StoreError> {
    sql::row(conn, "SELECT * FROM api_key WHERE hash = ?1", values![hash])
}

/// False: there was none of that name.
pub fn delete(conn: &mut Conn, name: &str) -> Result<bool, StoreError> {
    Ok(sql::execute(conn, "DELETE FROM api_key WHERE name = ?1", values![name])? > 0)
}

pub fn used(conn: &mut Conn, now: i64, hash: &str) -> Result<(), StoreError> {
    sql::execute(conn, "UPDATE api_key SET last_used_at = ?2 WHERE hash = ?1", values![hash, now])?;
    Ok(())
}

/// Opens a session or leaves a link; what has expired goes.
pub fn insert_session(
    conn: &mut Conn,
    now: i64,
    hash: &str,
    kind: &str,
    key_hash: &str,
    expires_at: i64,
) -> Result<(), StoreError> {
    sql::execute(conn, "DELETE FROM api_session WHERE expires_at <= ?1", values![now])?;
    sql::execute(
        conn,
        "INSERT INTO api_session(hash, kind, key_hash, expires_at) VALUES (?1, ?2, ?3, ?4)",
        values![hash, kind, key_hash, expires_at],
    )?;
    Ok(())
}

/// The hash of the key that a session stands for.
pub fn session(conn: &mut Conn, now: i64, hash: &str) -> Result<Option<String>, StoreError> {
    sql::word(
        conn,
        "SELECT key_hash AS t FROM api_session WHERE hash = ?1 AND kind = 'session' AND expires_at > ?2",
        values![hash, now],
    )
}

/// Takes a link away; the hash of the key that it stood for.
pub fn take_link(conn: &mut Conn, now: i64, hash: &str) -> Result<Option<String>, StoreError> {
    sql::word(
        conn,
        "DELETE FROM api_session WHERE hash = ?1 AND kind = 'link' AND expires_at > ?2 RETURNING key_hash AS t",
        values![hash, now],
    )
}

pub fn end_session(conn: &mut Conn, hash: &str) -> Result<(), StoreError> {
    sql::execute(conn, "DELETE FROM api_session WHERE hash = ?1", values![hash])?;
    Ok(())
}
