//! Takes over a database of the first release: its tables are rebuilt with all that is in them and ours are made beside them, in one
//! transaction, behind a copy of the file.
//!
//! Whoever comes here has looked that nobody else does (see `service`); that the first release itself writes meanwhile is kept out
//! by the transaction, which has the right to write from its start.

mod copy;
mod fill;
mod tables;

use super::conn::Conn;
use super::error::StoreError;
use super::migrate::{self, Found};
use super::{meta, sql};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the taking over is told.
#[derive(Clone, Copy, Debug)]
pub struct TakeOver<'a> {
    pub now: i64,
    /// This program's, for the name of the copy.
    pub version: &'a str,
    /// The highest id that an app ever had, as far as its files tell; the tables are looked at as well.
    pub highest_app_id: i64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    /// The database as it was.
    pub copy: PathBuf,
    pub servers: i64,
    pub apps: i64,
    /// Deployments that were in progress with nobody to end them.
    pub interrupted: usize,
}

/// Takes the database over; `None` where that is done already. `judge` gets the sealed values of its tables and says which master key
/// opens them; when it refuses, nothing is changed.
pub fn take_over<E: From<StoreError>>(
    path: &Path,
    order: &TakeOver<'_>,
    judge: impl FnOnce(Vec<String>) -> Result<Option<String>, E>,
) -> Result<Option<TakenOver>, E> {
    let path: Arc<Path> = path.into();
    let mut conn = Conn::open(&path)?;
    // Set before the transaction, in which they have no effect. Renaming a table must not change what other tables refer to, and
    // dropping one must not look for rows that refer to it.
    sql::batch(
        &mut conn,
        "PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF",
    )?;
    let mut copy = None;
    let done = conn.immediate(|conn| {
        // Looked at again: another process may have been first.
        if migrate::look_at_tables(conn)? != Found::FirstRelease {
            return Ok(None);
        }
        check_integrity(conn)?;
        let schema = tables::read(conn)?;
        let key_check = judge(fill::sealed_values(conn, &schema)?)?;
        let kept = copy.insert(copy::keep(&path, order.version)?).path.clone();
        tables::rebuild(conn, &schema, order.highest_app_id)?;
        meta::make_installation(conn)?;
        if let Some(check) = key_check {
            meta::set(conn, meta::MASTER_KEY_CHECK, &check)?;
        }
        let name = kept.file_name().unwrap_or_default().to_string_lossy();
        meta::set(conn, "taken_over", &name)?;
        let interrupted = fill::fill(conn, order, &schema)?;
        let count =
            |conn: &mut Conn, table: &str| sql::number(conn, &format!("SELECT count(*) AS n FROM {table}"), &[]);
        let (servers, apps) = (count(conn, "servers")?, count(conn, "apps")?);
        Ok(Some(TakenOver {
            servers: servers.unwrap_or_default(),
            apps: apps.unwrap_or_default(),
            copy: kept,
            interrupted,
        }))
    });
    if let (true, Some(copy)) = (done.is_ok(), copy) {
        copy.stays();
    }
    done
}

fn check_integrity(conn: &mut Conn) -> Result<(), StoreError> {
    match sql::word(conn, "SELECT integrity_check AS t FROM pragma_integrity_check", &[])?.as_deref() {
        Some("ok") => Ok(()),
        other => Err(StoreError::Damaged {
            path: conn.path.to_path_buf(),
            reason: other.unwrap_or("it cannot be checked").to_owned(),
        }),
    }
}
