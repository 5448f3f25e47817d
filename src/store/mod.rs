//! The database: connections, tables, and every statement; the only room that names diesel.
//!
//! - [`Db`] opens a home's database and hands out connections: one writer a process, a few readers.
//! - one module per table or pair of tables, one function per statement; each takes a connection, so that whoever composes them
//!   decides what is one transaction.
//!
//! Not here: rules. What a statement may be used for is the caller's business ([`crate::queue`] for the queue's tables).

pub mod api_keys;
pub mod apps;
pub mod attempts;
mod conn;
pub mod databases;
pub mod deployments;
mod disk;
mod error;
pub mod events;
mod first_release;
pub mod idempotency;
pub mod jobs;
pub mod lanes;
pub mod logs;
pub mod meta;
mod migrate;
pub mod names;
mod page;
pub mod ports;
pub mod routes;
pub(crate) mod running;
pub mod servers;
mod sql;
pub mod steps;
pub mod takeover;
mod text_time;
pub mod workers;
mod writer;

pub use conn::Conn;
pub use error::StoreError;
use migrate::Found;
pub use page::Page;
use writer::Writer;

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Readers that are kept open between reads; more are opened and closed as they are asked for.
const KEPT_READERS: usize = 4;

/// A home's database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    path: Arc<Path>,
    writer: Writer,
    readers: Mutex<Vec<Conn>>,
    /// Asks for the data version only: the number is told relative to the connection that asks.
    watcher: Mutex<Conn>,
}

impl Db {
    /// Opens, and makes or completes its tables. What is not ours, or damaged, is refused and left as it is; so is, with
    /// [`StoreError::FirstRelease`], what [`takeover`] is for.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let path: Arc<Path> = path.into();
        if !make_file(&path)? {
            migrate::look_at_file(&path)?;
            if migrate::look(&path)? == Found::FirstRelease {
                return Err(StoreError::FirstRelease { path: path.to_path_buf() });
            }
            make_private(&path)?;
        }
        let mut writer = Conn::open(&path)?;
        writer.make_durable()?;
        migrate::run(&mut writer)?;
        writer.make_writer()?;
        let watcher = open_reader(&path)?;
        let inner =
            Inner { path, writer: Writer::new(writer), readers: Mutex::new(Vec::new()), watcher: Mutex::new(watcher) };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Reads one state of the database, next to whoever writes.
    pub fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let kept = lock(&self.inner.readers).pop();
        let mut conn = match kept {
            Some(conn) => conn,
            None => open_reader(&self.inner.path)?,
        };
        let value = conn.snapshot(work);
        let mut readers = lock(&self.inner.readers);
        if readers.len() < KEPT_READERS && conn.is_clean() {
            readers.push(conn);
        }
        value
    }

    /// Writes: all of `work` is in one transaction, on disk when this returns `Ok`, and nothing of it otherwise. Others that write at the
    /// same time may have their part in that transaction; `work` must not wait for them.
    pub fn write<T, E: From<StoreError>>(&self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        self.inner.writer.write(&self.inner.path, work)
    }

    /// A number that is another one after each commit of any connection, in this process or another.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        let mut conn = lock(&self.inner.watcher);
        let version = sql::number(&mut conn, "SELECT data_version AS n FROM pragma_data_version", &[])?;
        Ok(version.unwrap_or_default())
    }

    /// Nothing can be written until somebody frees some room.
    pub fn disk_is_full(&self) -> bool {
        disk::is_full(&self.inner.path)
    }

    /// Reads every page and index: for people who ask, not for each start.
    pub fn check(&self) -> Result<(), StoreError> {
        let verdict =
            self.read(|conn| sql::word(conn, "SELECT integrity_check AS t FROM pragma_integrity_check", &[]))?;
        match verdict.as_deref() {
            Some("ok") => Ok(()),
            other => Err(StoreError::Damaged {
                path: self.inner.path.to_path_buf(),
                reason: other.unwrap_or("no answer").to_owned(),
            }),
        }
    }
}

impl Db {
    /// A table with a row that points to one that is not there.
    pub fn dangling(&self) -> Result<Option<String>, StoreError> {
        self.read(|conn| sql::word(conn, "SELECT \"table\" AS t FROM pragma_foreign_key_check LIMIT 1", &[]))
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Db").field(&self.inner.path).finish()
    }
}

fn open_reader(path: &Arc<Path>) -> Result<Conn, StoreError> {
    let mut conn = Conn::open(path)?;
    conn.make_reader()?;
    Ok(conn)
}

fn open_writer(path: &Arc<Path>) -> Result<Conn, StoreError> {
    let mut conn = Conn::open(path)?;
    conn.make_durable()?;
    conn.make_writer()?;
    Ok(conn)
}

/// Makes the file with mode 0600 before SQLite would make it with the umask's; SQLite gives the log and the index beside it the
/// mode of the database. False: there is one.
fn make_file(path: &Path) -> Result<bool, StoreError> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(e) if e.kind() == std::io::ErrorKind::StorageFull => Err(StoreError::Full { path: path.to_path_buf() }),
        Err(e) => Err(StoreError::Open { path: path.to_path_buf(), reason: e.to_string() }),
    }
}

/// A database that others may read is closed to them.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let io = |e: std::io::Error| StoreError::Open { path: path.to_path_buf(), reason: e.to_string() };
    let mode = std::fs::metadata(path).map_err(io)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(io)?;
    }
    Ok(())
}

/// A panic while the lock was held has rolled its transaction back: the connection is good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
