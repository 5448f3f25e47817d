//! Secrets at rest: the master key, values sealed with it, and the files that hold an app's environment.

mod env_file;
mod key;

pub use env_file::EnvFile;
pub use key::MasterKey;

use crate::domain::failure::plain;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("{} is missing, and there are values sealed with it", path.display())]
    KeyMissing { path: PathBuf },
    #[error("{} is no Fernet key", path.display())]
    KeyDamaged { path: PathBuf },
    #[error("{what} cannot be opened: it was sealed with another master.key")]
    WrongKey { what: String },
    #[error("{} is damaged: {reason}", path.display())]
    EnvDamaged { path: PathBuf, reason: String },
    #[error("cannot use {}: {}", path.display(), plain(source))]
    Io { path: PathBuf, source: std::io::Error },
}

impl VaultError {
    /// What to try.
    pub fn hint(&self) -> Option<String> {
        match self {
            VaultError::KeyMissing { .. } | VaultError::KeyDamaged { .. } | VaultError::WrongKey { .. } => {
                Some("put back the master.key that this home had; no other key opens its values".to_owned())
            }
            VaultError::EnvDamaged { .. } => {
                Some("put back the file from a copy, or move it away and set the values again".to_owned())
            }
            VaultError::Io { .. } => None,
        }
    }
}

fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> VaultError {
    let path = path.to_owned();
    move |source| VaultError::Io { path, source }
}
