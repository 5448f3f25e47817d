//! Where things are and what the surroundings say: the home folder's layout and the environment, which only this room reads.

mod environment;
mod filesystem;
mod home;

pub use environment::{
    WaitDefault, arguments, columns, current_exe, log_filter, log_json, no_color, notify_socket, requested_by,
    ssh_passphrase, wait_default,
};
pub use filesystem::free_bytes;
pub use home::Home;

use crate::domain::failure::plain;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no home folder: HOME is not set")]
    NoHome,
    #[error("{} is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    #[error("{} lies on {kind}: the database's locks do not hold there", path.display())]
    NetworkFileSystem { path: PathBuf, kind: &'static str },
    #[error("cannot use {}: {}", path.display(), plain(source))]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{name}=`{value}`: it may be {allowed}")]
    BadVariable { name: &'static str, value: String, allowed: &'static str },
}

impl ConfigError {
    /// What to try.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ConfigError::NoHome => Some("name a folder with `--home DIR` or INFRAKT_HOME"),
            ConfigError::NotAFolder { .. } | ConfigError::Io { .. } => None,
            ConfigError::NetworkFileSystem { .. } => {
                Some("choose a folder on a local disk with `--home DIR` or INFRAKT_HOME")
            }
            ConfigError::BadVariable { .. } => None,
        }
    }
}
