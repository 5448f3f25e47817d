//! An app: something deployed on one server, from git, from an image or from a compose file.

use crate::domain::step::{UnknownWord, text_enum};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An app's stored status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppStatus {
    Stopped,
    Deploying,
    Running,
    Error,
}

impl AppStatus {
    pub const ALL: [AppStatus; 4] = [AppStatus::Stopped, AppStatus::Deploying, AppStatus::Running, AppStatus::Error];

    pub fn as_str(self) -> &'static str {
        match self {
            AppStatus::Stopped => "stopped",
            AppStatus::Deploying => "deploying",
            AppStatus::Running => "running",
            AppStatus::Error => "error",
        }
    }
}
text_enum!(AppStatus, "status of an app");

/// Where an app comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source {
    Git {
        url: String,
        branch: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        commit: Option<String>,
        /// Fernet token of the login that the address was given with; see [`crate::domain::git_url`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        login: Option<String>,
    },
    Image {
        image: String,
    },
    Compose,
}

impl Source {
    /// As the column `apps.app_type` holds it.
    pub fn app_type(&self) -> &'static str {
        match self {
            Source::Git { .. } => "git",
            Source::Image { .. } => "image",
            Source::Compose => "compose",
        }
    }
}

/// Limits and checks of an app's main service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// The container's port.
    pub port: u16,
    pub service: Option<String>,
    pub health_path: Option<String>,
    pub health_timeout_s: Option<u32>,
    /// As compose reads it: `512m`.
    pub memory: Option<String>,
    /// As compose reads it: `1.5`.
    pub cpus: Option<String>,
    /// `[ADDR:]PORT`, public.
    pub publish: Option<String>,
}

/// An app as stored. Times are milliseconds UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct App {
    pub id: i64,
    pub name: String,
    pub server_id: i64,
    pub server_name: String,
    pub domains: Vec<String>,
    pub source: Source,
    pub resources: Resources,
    pub compose: Option<String>,
    pub compose_project: String,
    pub status: AppStatus,
    pub app_type: String,
    pub current_deployment_id: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl App {
    pub fn is_database(&self) -> bool {
        self.app_type.starts_with("db:")
    }
}

/// An app to be recorded.
#[derive(Clone, Debug)]
pub struct NewApp {
    pub name: String,
    pub server_id: i64,
    pub domains: Vec<String>,
    pub source: Source,
    pub resources: Resources,
    pub compose: Option<String>,
}
