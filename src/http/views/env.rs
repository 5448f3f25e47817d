//! Variables of an environment on the wire.

use crate::service::{env, env_changes};
use serde::Serialize;
use utoipa::ToSchema;

/// A variable.
#[derive(Serialize, ToSchema)]
pub struct EnvVar {
    pub key: String,
    /// Eight bullets (U+2022) where it is masked.
    pub value: String,
}

impl From<env::EnvView> for EnvVar {
    fn from(variable: env::EnvView) -> Self {
        Self { key: variable.key, value: variable.value }
    }
}

impl EnvVar {
    pub fn masked(key: String) -> Self {
        Self { key, value: env::MASK.to_owned() }
    }
}

/// What of an environment is not on the server yet.
#[derive(Serialize, ToSchema)]
pub struct EnvChanges {
    /// The deployment that serves. Null: what is on the server is not known, and no change is told
    #[schema(required)]
    pub deployment_id: Option<i64>,
    /// By key
    pub changes: Vec<EnvChange>,
    /// The job that has not ended and brings all of them
    #[schema(required)]
    pub job_id: Option<i64>,
}

/// A variable that is not on the server as it is here.
#[derive(Serialize, ToSchema)]
pub struct EnvChange {
    pub key: String,
    /// `added`, `changed` or `removed`
    pub change: &'static str,
}

impl From<env_changes::EnvChanges> for EnvChanges {
    fn from(found: env_changes::EnvChanges) -> Self {
        let changes = found.changes.into_iter().map(|(key, change)| EnvChange { key, change: change.as_str() });
        Self { deployment_id: found.deployment_id, changes: changes.collect(), job_id: found.job_id }
    }
}
