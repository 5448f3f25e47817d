//! What can go wrong in the store, with the file it concerns.

use super::disk;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the database {}: {reason}", path.display())]
    Open { path: PathBuf, reason: String },
    #[error("{} is no SQLite database", path.display())]
    NotADatabase { path: PathBuf },
    #[error("the database {} is damaged: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{} is the database of another program: it has tables, but not those of infrakt", path.display())]
    Foreign { path: PathBuf },
    #[error("{} was written by the first release and is not taken over yet", path.display())]
    FirstRelease { path: PathBuf },
    #[error("{} was written by the first release and cannot be taken over: {reason}", path.display())]
    NotTakenOver { path: PathBuf, reason: String },
    #[error("the database {} was busy for too long", path.display())]
    Busy { path: PathBuf },
    #[error("the disk of {} is full", path.display())]
    Full { path: PathBuf },
    #[error("the database {} cannot be written: it is read-only", path.display())]
    ReadOnly { path: PathBuf },
    #[error("the database {} cannot be read or written: {reason}", path.display())]
    Io { path: PathBuf, reason: String },
    /// A row with these unique values is there already; `what` names the columns as SQLite does: `servers.name`.
    #[error("there is one already ({what})")]
    Exists { what: String },
    /// Another row still points here.
    #[error("something else still refers to it")]
    Referenced,
    /// A stored value that this binary cannot read.
    #[error("the database holds something this version cannot read: {0}")]
    Unreadable(String),
    #[error("no free port is left between 20000 and 29999")]
    NoPortLeft,
    #[error("the database refused a statement")]
    Statement(#[source] DieselError),
}

impl StoreError {
    /// Reads what SQLite says. Its result codes do not reach through diesel: the texts are stable and are what there is.
    pub(crate) fn from_diesel(path: &Path, error: DieselError) -> Self {
        let path = path.to_path_buf();
        match &error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                let text = info.message();
                let what = text.strip_prefix("UNIQUE constraint failed: ").unwrap_or(text).to_owned();
                StoreError::Exists { what }
            }
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => StoreError::Referenced,
            DieselError::DatabaseError(_, info) => {
                let text = info.message();
                if text.contains("is locked") {
                    StoreError::Busy { path }
                } else if text.contains("disk is full") {
                    StoreError::Full { path }
                } else if text.contains("readonly") {
                    StoreError::ReadOnly { path }
                } else if text.contains("malformed") || text.contains("corrupt") {
                    StoreError::Damaged { reason: text.to_owned(), path }
                } else if text.contains("not a database") {
                    StoreError::NotADatabase { path }
                } else if text.contains("I/O error") || text.contains("unable to open") {
                    if disk::is_full(&path) {
                        return StoreError::Full { path };
                    }
                    StoreError::Io { reason: text.to_owned(), path }
                } else {
                    StoreError::Statement(error)
                }
            }
            DieselError::DeserializationError(inner) => StoreError::Unreadable(inner.to_string()),
            _ => StoreError::Statement(error),
        }
    }

    /// Whether a row with the same unique values is what stood in the way.
    pub fn is_exists(&self) -> bool {
        matches!(self, StoreError::Exists { .. })
    }
}
