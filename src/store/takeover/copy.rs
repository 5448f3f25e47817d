//! The database as it was, in a file beside it.

use crate::store::conn::Conn;
use crate::store::error::StoreError;
use crate::store::sql::{self, values};
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The copy; taken away again unless what it is for comes about.
pub(super) struct Copy {
    pub path: PathBuf,
    unwanted: bool,
}

impl Copy {
    pub fn stays(mut self) {
        self.unwanted = false;
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if self.unwanted {
            // One that stays all the same is a copy too many.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes `infrakt.db.before-<version>`: all that is committed, what lies in a write-ahead log included. It is on disk when this
/// returns. One that is there from before is never written over; an equal one is this one.
pub(super) fn keep(db: &Arc<Path>, version: &str) -> Result<Copy, StoreError> {
    let part = beside(db, &format!(".before-{version}.part"));
    let written = write(db, &part).and_then(|()| give_name(db, version, &part));
    if written.is_err() {
        // On a full disk its room is what is missing.
        let _ = fs::remove_file(&part);
    }
    written
}

fn write(db: &Arc<Path>, part: &Path) -> Result<(), StoreError> {
    // What a killed process left.
    match fs::remove_file(part) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(part, error)),
        _ => {}
    }
    // Made before SQLite would make it with the umask's mode.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part).map_err(|e| failed(part, e))?;
    // A second connection: one that is in a transaction cannot do it, and the first one's keeps all others from writing.
    let mut reader = Conn::open_to_look(db)?;
    let name = part.to_string_lossy();
    sql::execute(&mut reader, "VACUUM INTO ?1", values![&*name]).map_err(|error| match error {
        StoreError::Full { .. } => StoreError::Full { path: part.to_owned() },
        StoreError::Io { reason, .. } => StoreError::Io { path: part.to_owned(), reason },
        other => other,
    })?;
    file.sync_all().map_err(|e| failed(part, e))
}

/// The first free name; the part becomes that file in one move.
fn give_name(db: &Path, version: &str, part: &Path) -> Result<Copy, StoreError> {
    for number in 1u32.. {
        let suffix = if number == 1 { String::new() } else { format!(".{number}") };
        let name = beside(db, &format!(".before-{version}{suffix}"));
        let mut unwanted = true;
        match fs::hard_link(part, &name) {
            Ok(()) => {}
            // From a taking over that was cut short: the same home, once more.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !equal(part, &name).map_err(|e| failed(&name, e))? {
                    continue;
                }
                unwanted = false;
            }
            Err(error) => return Err(failed(&name, error)),
        }
        fs::remove_file(part).map_err(|e| failed(part, e))?;
        let folder = db.parent().unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| failed(folder, e))?;
        return Ok(Copy { path: name, unwanted });
    }
    unreachable!("some number is free")
}

fn equal(one: &Path, other: &Path) -> std::io::Result<bool> {
    Ok(fs::metadata(one)?.len() == fs::metadata(other)?.len() && fs::read(one)? == fs::read(other)?)
}

fn beside(db: &Path, suffix: &str) -> PathBuf {
    let mut name = db.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn failed(path: &Path, error: std::io::Error) -> StoreError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => StoreError::Full { path: path.to_owned() },
        ErrorKind::ReadOnlyFilesystem => StoreError::ReadOnly { path: path.to_owned() },
        _ => StoreError::Io { path: path.to_owned(), reason: error.to_string() },
    }
}
