//! What the database says about itself: the installation it belongs to, and how new a program must be to write to it.

use super::conn::Conn;
use super::error::StoreError;
use super::sql::{self, values};

/// Tells the home's master key from another.
pub const MASTER_KEY_CHECK: &str = "master_key_check";

/// The uuid of this installation: made once, known on its servers.
pub fn installation(conn: &mut Conn) -> Result<Option<String>, StoreError> {
    get(conn, "installation")
}

/// Makes the installation's uuid if it has none.
pub(crate) fn make_installation(conn: &mut Conn) -> Result<(), StoreError> {
    let uuid = uuid::Uuid::new_v4().to_string();
    sql::execute(
        conn,
        "INSERT INTO meta(key, value) VALUES ('installation', ?1) ON CONFLICT DO NOTHING",
        values![&uuid],
    )?;
    Ok(())
}

/// The oldest version of infrakt that may still write here; none: any.
pub fn min_writer(conn: &mut Conn) -> Result<Option<String>, StoreError> {
    get(conn, "min_writer")
}

pub fn set_min_writer(conn: &mut Conn, version: &str) -> Result<(), StoreError> {
    set(conn, "min_writer", version)
}

pub fn get(conn: &mut Conn, key: &str) -> Result<Option<String>, StoreError> {
    sql::word(conn, "SELECT value AS t FROM meta WHERE key = ?1", values![key])
}

pub fn set(conn: &mut Conn, key: &str, value: &str) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        values![key, value],
    )?;
    Ok(())
}
