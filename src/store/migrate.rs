//! Looks at a database before anything is changed in it, and brings its tables up to this version.

use super::conn::{Conn, Link};
use super::error::StoreError;
use super::{meta, sql};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use std::path::Path;
use std::sync::Arc;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// The first bytes of each SQLite file.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// What lies at the path, told from the file's first bytes alone: nothing is opened, locked or recovered by looking.
pub(crate) fn look_at_file(path: &Path) -> Result<(), StoreError> {
    use std::io::Read;
    let io = |e: std::io::Error| StoreError::Open { path: path.to_path_buf(), reason: e.to_string() };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let metadata = file.metadata().map_err(io)?;
    if !metadata.is_file() {
        return Err(StoreError::Open { path: path.to_path_buf(), reason: "it is no file".to_owned() });
    }
    let len = metadata.len();
    if len == 0 {
        return Ok(());
    }
    let mut head = [0u8; 100];
    if len < 100 || file.read_exact(&mut head).is_err() || !head.starts_with(MAGIC) {
        return Err(StoreError::NotADatabase { path: path.to_path_buf() });
    }
    let page_size = match u16::from_be_bytes([head[16], head[17]]) {
        1 => 65536,
        size => u64::from(size),
    };
    let pages = u64::from(u32::from_be_bytes([head[28], head[29], head[30], head[31]]));
    // A process killed while it carried the log over has written the new count before the last pages: the log has them still.
    if page_size * pages > len && !has_log(path) {
        let reason = format!("it has {len} bytes and should have {}", page_size * pages);
        return Err(StoreError::Damaged { path: path.to_path_buf(), reason });
    }
    Ok(())
}

/// Whether something lies beside the file that SQLite will bring into it.
fn has_log(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        std::fs::metadata(name).is_ok_and(|log| log.len() > 0)
    })
}

/// Whose tables were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// Of whatever version of ours.
    Ours,
    /// Of the first release: to be taken over.
    FirstRelease,
}

/// Refuses tables that are nobody's of us. Reads only.
pub(crate) fn look_at_tables(conn: &mut Conn) -> Result<Found, StoreError> {
    struct Table(String);
    sql::from_row!(Table, |row| Table(sql::text(row, "name")?));
    let tables: Vec<Table> = sql::rows(
        conn,
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'",
        &[],
    )?;
    let has = |name: &str| tables.iter().any(|t| t.0 == name);
    if tables.is_empty() {
        Ok(Found::Nothing)
    } else if has("meta") && has("__diesel_schema_migrations") && has("servers") && has("apps") {
        Ok(Found::Ours)
    } else if has("servers") && has("apps") && has("deployments") && !has("meta") {
        Ok(Found::FirstRelease)
    } else {
        Err(StoreError::Foreign { path: conn.path.to_path_buf() })
    }
}

/// Looks at a database without changing it. One that a killed process has left in the middle of a transaction is rolled back first, as
/// whoever opens it next would do.
pub(crate) fn look(path: &Arc<Path>) -> Result<Found, StoreError> {
    match Conn::open_to_look(path).and_then(|mut conn| look_at_tables(&mut conn)) {
        Err(StoreError::ReadOnly { .. }) => look_at_tables(&mut Conn::open(path)?),
        found => found,
    }
}

/// Runs what is missing. One process does it, the others wait for it and find nothing to do.
pub(crate) fn run(conn: &mut Conn) -> Result<(), StoreError> {
    let ours = |conn: &mut Conn| match look_at_tables(conn)? {
        Found::FirstRelease => Err(StoreError::FirstRelease { path: conn.path.to_path_buf() }),
        found => Ok(found == Found::Ours),
    };
    if ours(conn)? && !is_behind(conn)? {
        return Ok(());
    }
    conn.immediate(|conn| {
        // Looked at again: another process may have made the tables, or put a database of its own there, since.
        ours(conn)?;
        make_tables(conn)?;
        meta::make_installation(conn)
    })
}

/// Makes the tables that are missing, in a transaction of the caller's.
pub(crate) fn make_tables(conn: &mut Conn) -> Result<(), StoreError> {
    let Link::Sqlite(sqlite) = &mut conn.link;
    sqlite.run_pending_migrations(MIGRATIONS).map_err(|e| migration_error(&conn.path, &*e))?;
    Ok(())
}

fn is_behind(conn: &mut Conn) -> Result<bool, StoreError> {
    let Link::Sqlite(sqlite) = &mut conn.link;
    let behind = sqlite.has_pending_migration(MIGRATIONS).map_err(|e| migration_error(&conn.path, &*e))?;
    Ok(behind || meta::installation(conn)?.is_none())
}

fn migration_error(path: &Path, error: &(dyn std::error::Error + Send + Sync)) -> StoreError {
    StoreError::Damaged {
        path: path.to_path_buf(),
        reason: format!("its tables cannot be brought up to this version: {error}"),
    }
}
