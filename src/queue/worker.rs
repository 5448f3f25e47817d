//! Processes that may run jobs: each has a row under a uuid made at its start and holds the lock on a file named after it. Whoever
//! can take that lock knows that the process is gone, at once and whatever the clocks say.

use super::error::QueueError;
use crate::store::Db;
use crate::store::workers::{self, WorkerRow};
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What kind of process it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkerKind {
    Serve,
    Worker,
    Cli,
}

impl WorkerKind {
    pub fn as_str(self) -> &'static str {
        match self {
            WorkerKind::Serve => "serve",
            WorkerKind::Worker => "worker",
            WorkerKind::Cli => "cli",
        }
    }
}

/// This process's right to claim jobs, from its start to its end. Dropped without [`Worker::stop`] it leaves what a killed process
/// leaves: the lock goes, and others take over.
#[derive(Debug)]
pub struct Worker {
    id: String,
    run_dir: PathBuf,
    /// Held, and never read here. std opens with O_CLOEXEC: a child must not inherit the lock.
    lock: File,
}

impl Worker {
    /// Locks first and tells the others after: a row whose lock can be taken is a dead process's.
    pub fn start(db: &Db, run_dir: &Path, kind: WorkerKind, now: i64) -> Result<Self, QueueError> {
        let id = uuid::Uuid::new_v4().to_string();
        let lock = lock_new(&lock_path(run_dir, &id))?;
        let row = WorkerRow {
            id: id.clone(),
            host: host_name(),
            pid: std::process::id(),
            kind: kind.as_str().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: now,
            beat_at: now,
            draining: false,
        };
        db.write(|conn| workers::insert(conn, &row))?;
        Ok(Self { id, run_dir: run_dir.to_path_buf(), lock })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// A sign of life for people; the lock is the proof.
    pub fn beat(&self, db: &Db, now: i64) -> Result<(), QueueError> {
        db.write(|conn| workers::beat(conn, &self.id, now))?;
        Ok(())
    }

    /// Where this process serves the page, into its lock's file: it holds as long as the process lives.
    pub fn serves_at(&self, url: &str) -> Result<(), QueueError> {
        let path = lock_path(&self.run_dir, &self.id);
        let written = self.lock.set_len(0).and_then(|()| self.lock.write_all_at(url.as_bytes(), 0));
        written.map_err(|error| QueueError::Run { path, reason: error.to_string() })
    }

    /// Others see that this process takes nothing new.
    pub fn drain(&self, db: &Db) -> Result<(), QueueError> {
        db.write(|conn| workers::drain(conn, &self.id))?;
        Ok(())
    }

    /// An orderly end: the row goes, then the file; nothing is claimed behind it. Jobs must have been put back.
    pub fn stop(&self, db: &Db) -> Result<(), QueueError> {
        db.write(|conn| workers::delete(conn, &self.id))?;
        let _ = std::fs::remove_file(lock_path(&self.run_dir, &self.id));
        Ok(())
    }
}

/// How it stands with a process, told by its lock.
#[derive(Debug)]
pub(crate) enum Life {
    Lives,
    /// The lock, where there was a file: as long as it is held nobody else finds the process dead.
    Dead(Option<File>),
}

pub(crate) fn look(run_dir: &Path, id: &str) -> Life {
    let Ok(file) = OpenOptions::new().read(true).open(lock_path(run_dir, id)) else { return Life::Dead(None) };
    match file.try_lock() {
        Ok(()) => Life::Dead(Some(file)),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => Life::Lives,
    }
}

/// The processes that live and may claim jobs.
pub fn living(db: &Db, run_dir: &Path) -> Result<Vec<WorkerRow>, QueueError> {
    let rows = db.read(workers::list)?;
    Ok(rows.into_iter().filter(|row| matches!(look(run_dir, &row.id), Life::Lives)).collect())
}

/// Whether somebody is there to run what waits: a process that lives and does not drain.
pub fn somebody_runs(db: &Db, run_dir: &Path) -> Result<bool, QueueError> {
    Ok(living(db, run_dir)?.iter().any(|row| !row.draining))
}

/// Where the page of this home is served, by the process that began last; empty where one serves and has not said it.
pub fn served_at(db: &Db, run_dir: &Path) -> Result<Option<String>, QueueError> {
    let last = living(db, run_dir)?.into_iter().rfind(|row| row.kind == WorkerKind::Serve.as_str() && !row.draining);
    Ok(last.map(|row| std::fs::read_to_string(lock_path(run_dir, &row.id)).unwrap_or_default()))
}

pub(crate) fn lock_path(run_dir: &Path, id: &str) -> PathBuf {
    run_dir.join(format!("{id}.lock"))
}

/// Between making the file and locking it another process may take it for a dead one's and remove it: then it is made anew.
fn lock_new(path: &Path) -> Result<File, QueueError> {
    let fault = |e: std::io::Error| QueueError::Run { path: path.to_path_buf(), reason: e.to_string() };
    loop {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(fault)?;
        file.lock().map_err(fault)?;
        let own = file.metadata().map_err(fault)?;
        if std::fs::metadata(path).is_ok_and(|there| there.ino() == own.ino() && there.dev() == own.dev()) {
            return Ok(file);
        }
    }
}

fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "localhost".to_owned(), |name| name.trim().to_owned())
}
