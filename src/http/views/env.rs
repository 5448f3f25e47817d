//! Variables of an environment on the wire.

use crate::service::env;
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
