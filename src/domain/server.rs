//! A server: a machine reached over SSH.

use crate::domain::step::{UnknownWord, text_enum};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A server's stored status. That it cannot be reached is observed, never stored here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerStatus {
    Inactive,
    Provisioning,
    Active,
}

impl ServerStatus {
    pub const ALL: [ServerStatus; 3] = [ServerStatus::Inactive, ServerStatus::Provisioning, ServerStatus::Active];

    pub fn as_str(self) -> &'static str {
        match self {
            ServerStatus::Inactive => "inactive",
            ServerStatus::Provisioning => "provisioning",
            ServerStatus::Active => "active",
        }
    }
}
text_enum!(ServerStatus, "status of a server");

/// A pinned host key: its type as SSH names it (`ssh-ed25519`) and its SHA-256 fingerprint as OpenSSH prints it (`SHA256:…`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    pub key_type: String,
    pub fingerprint: String,
}

impl HostKey {
    /// People copy fingerprints with and without the word in front, and with the padding that OpenSSH leaves out.
    pub fn has_fingerprint(&self, said: &str) -> bool {
        let bare = |text: &str| text.trim().trim_start_matches("SHA256:").trim_end_matches('=').to_owned();
        bare(said) == bare(&self.fingerprint)
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.fingerprint, self.key_type)
    }
}

/// A server as stored. Times are milliseconds UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    pub id: i64,
    pub name: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub ssh_key_path: Option<String>,
    pub status: ServerStatus,
    pub provider: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub host_key: Option<HostKey>,
    pub last_seen_at: Option<i64>,
    pub last_error: Option<String>,
    /// JSON: what was found there (system, docker, caddy).
    pub facts: Option<String>,
}

/// A server to be recorded.
#[derive(Clone, Debug)]
pub struct NewServer {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub user: String,
    pub ssh_key_path: Option<String>,
    pub provider: Option<String>,
    pub host_key: Option<HostKey>,
}
