//! One connection to the database, whatever it speaks, and how it is set up.

use super::disk;
use super::error::StoreError;
use super::sql;
use diesel::connection::{
    AnsiTransactionManager, Connection, SimpleConnection, TransactionManager, TransactionManagerStatus,
};
use diesel::sqlite::SqliteConnection;
use rand::Rng;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What a connection waits for a lock that another process holds, set before anything else: with 0 at opening, a fifth of the
/// opens failed under six processes.
const BUSY_TIMEOUT_MS: u32 = 5000;

/// How long a writer asks for its turn before it gives up. Writers hold the lock for milliseconds.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// Between two tries for the writer's turn. SQLite's own back-off grows to 100 ms and starves whoever came first.
const TURN_MIN_US: u64 = 100;
const TURN_MAX_US: u64 = 1000;

/// A connection.
pub struct Conn {
    pub(crate) link: Link,
    /// For messages.
    pub(crate) path: Arc<Path>,
}

/// What the connection speaks.
pub(crate) enum Link {
    Sqlite(SqliteConnection),
}

impl Conn {
    pub(crate) fn open(path: &Arc<Path>) -> Result<Self, StoreError> {
        Self::open_as(path, "rw")
    }

    /// Opens to look, unable to change the file even by closing it (which would empty a log that somebody else left beside it).
    pub(crate) fn open_to_look(path: &Arc<Path>) -> Result<Self, StoreError> {
        Self::open_as(path, "ro")
    }

    fn open_as(path: &Arc<Path>, mode: &str) -> Result<Self, StoreError> {
        let open_error = |reason: String| StoreError::Open { path: path.to_path_buf(), reason };
        let name = path.to_str().ok_or_else(|| open_error("its path is not UTF-8".into()))?;
        let uri = format!("file:{}?mode={mode}", uri_path(name));
        let mut sqlite = SqliteConnection::establish(&uri).map_err(|e| match disk::is_full(path) {
            true => StoreError::Full { path: path.to_path_buf() },
            false => open_error(e.to_string()),
        })?;
        sqlite
            .batch_execute(&format!("PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}; PRAGMA foreign_keys = ON;"))
            .map_err(|e| StoreError::from_diesel(path, e))?;
        Ok(Self { link: Link::Sqlite(sqlite), path: path.clone() })
    }

    /// Sets what lies in the file or must hold for each write: WAL, and an fsync with each commit (an intent is on disk before
    /// the action).
    pub(crate) fn make_durable(&mut self) -> Result<(), StoreError> {
        let deadline = Instant::now() + WRITE_PATIENCE;
        while sql::word(self, "SELECT journal_mode AS t FROM pragma_journal_mode", &[])?.as_deref() != Some("wal") {
            // The switch needs the file for itself and does not wait for it: two first starts at once meet here.
            match sql::batch(self, "PRAGMA journal_mode = WAL") {
                Ok(()) | Err(StoreError::Busy { .. }) if Instant::now() < deadline => pause(),
                Ok(()) => {
                    let reason = "it cannot be switched to write-ahead logging".to_owned();
                    return Err(StoreError::Io { path: self.path.to_path_buf(), reason });
                }
                Err(error) => return Err(error),
            }
        }
        sql::batch(self, "PRAGMA synchronous = FULL")
    }

    /// Readers never write, not even by mistake.
    pub(crate) fn make_reader(&mut self) -> Result<(), StoreError> {
        sql::batch(self, "PRAGMA query_only = ON")
    }

    /// The writer asks for its turn itself.
    pub(crate) fn make_writer(&mut self) -> Result<(), StoreError> {
        sql::batch(self, "PRAGMA busy_timeout = 0")
    }

    /// Runs `work` in a transaction that has the right to write from its start. Nothing of it stays unless it returns `Ok`.
    pub(crate) fn immediate<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin_immediate()?;
        self.transaction(work)
    }

    /// Begins a transaction that has the right to write; the caller ends it.
    pub(super) fn begin_immediate(&mut self) -> Result<(), StoreError> {
        let deadline = Instant::now() + WRITE_PATIENCE;
        loop {
            match self.begin("BEGIN IMMEDIATE") {
                Err(StoreError::Busy { .. }) if Instant::now() < deadline => pause(),
                begun => return begun,
            }
        }
    }

    /// Runs `work` within the transaction that is open: of one that fails nothing stays, what was written before it does.
    pub(super) fn within<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let begun = match &mut self.link {
            Link::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction(sqlite),
        };
        begun.map_err(|e| StoreError::from_diesel(&self.path, e))?;
        self.transaction(work)
    }

    /// Ends the transaction that is open; nothing of it stays where this fails.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        Open { conn: self, done: false }.commit()
    }

    pub(super) fn roll_back(&mut self) {
        drop(Open { conn: self, done: false });
    }

    /// Runs `work` on one state of the database.
    pub(crate) fn snapshot<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin("BEGIN")?;
        self.transaction(work)
    }

    /// Whether no transaction is left behind by one that failed in a way that could not be rolled back.
    pub(crate) fn is_clean(&mut self) -> bool {
        self.depth() == Some(0)
    }

    /// How many transactions are open, one within the other; none: nobody knows any more.
    pub(super) fn depth(&mut self) -> Option<u32> {
        let Link::Sqlite(sqlite) = &mut self.link;
        match AnsiTransactionManager::transaction_manager_status_mut(sqlite) {
            TransactionManagerStatus::Valid(status) => Some(status.transaction_depth().map_or(0, |depth| depth.get())),
            TransactionManagerStatus::InError => None,
        }
    }

    fn transaction<T, E: From<StoreError>>(&mut self, work: impl FnOnce(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let open = Open { conn: self, done: false };
        let value = work(open.conn)?;
        open.commit()?;
        Ok(value)
    }

    fn begin(&mut self, text: &str) -> Result<(), StoreError> {
        let begun = match &mut self.link {
            Link::Sqlite(sqlite) => AnsiTransactionManager::begin_transaction_sql(sqlite, text),
        };
        begun.map_err(|e| StoreError::from_diesel(&self.path, e))
    }
}

/// A transaction under way: rolled back when it is dropped, by an error or a panic, before it was committed.
struct Open<'a> {
    conn: &'a mut Conn,
    done: bool,
}

impl Open<'_> {
    fn commit(mut self) -> Result<(), StoreError> {
        self.done = true;
        let committed = match &mut self.conn.link {
            Link::Sqlite(sqlite) => AnsiTransactionManager::commit_transaction(sqlite),
        };
        committed.map_err(|e| {
            self.done = false;
            StoreError::from_diesel(&self.conn.path, e)
        })
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let Link::Sqlite(sqlite) = &mut self.conn.link;
        // Fails only where SQLite has rolled back by itself (disk full, I/O error): then nothing is left to undo.
        let _ = AnsiTransactionManager::rollback_transaction(sqlite);
    }
}

/// A path as a `file:` URI holds it.
fn uri_path(path: &str) -> String {
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn pause() {
    std::thread::sleep(Duration::from_micros(rand::rng().random_range(TURN_MIN_US..=TURN_MAX_US)));
}
