//! A deployment: one attempt to put an app's wanted state on its server, and the snapshot of what is wanted.

use crate::domain::app::{Resources, Source};
use crate::domain::step::{UnknownWord, text_enum};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A deployment's stored status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeploymentStatus {
    InProgress,
    Success,
    Failed,
    Cancelled,
}

impl DeploymentStatus {
    pub const ALL: [DeploymentStatus; 4] = [
        DeploymentStatus::InProgress,
        DeploymentStatus::Success,
        DeploymentStatus::Failed,
        DeploymentStatus::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            DeploymentStatus::InProgress => "in_progress",
            DeploymentStatus::Success => "success",
            DeploymentStatus::Failed => "failed",
            DeploymentStatus::Cancelled => "cancelled",
        }
    }
}
text_enum!(DeploymentStatus, "status of a deployment");

/// A deployment as stored. Times are milliseconds UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    pub id: i64,
    pub app_id: i64,
    pub commit_hash: Option<String>,
    pub commit_subject: Option<String>,
    /// JSON object: service → image by digest or id.
    pub images: Option<String>,
    pub status: DeploymentStatus,
    pub log: Option<String>,
    pub started_at: i64,
    pub finished_at: Option<i64>,
}

/// What is to be put on the server: written at enqueue, immutable, later the body of a release.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentSpec {
    pub deployment_id: i64,
    pub app_id: i64,
    pub source: Source,
    /// JSON object: key → Fernet token.
    pub env_sealed: String,
    pub compose: Option<String>,
    pub resources: Resources,
    pub domains: Vec<String>,
    /// HMAC-SHA256 (hex) over the canonical plaintext: equal means the same request.
    pub spec_hash: String,
}
