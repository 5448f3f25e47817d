//! Keys on the wire.

use crate::service::keys::{self, KeyView};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Key {
    pub name: String,
    /// `read`, `deploy` or `admin`
    pub scope: String,
    pub created_by: String,
    pub created_at: String,
    pub last_used_at: Option<String>,
}

impl From<KeyView> for Key {
    fn from(view: KeyView) -> Self {
        Self {
            name: view.name,
            scope: view.scope,
            created_by: view.created_by,
            created_at: view.created_at.to_string(),
            last_used_at: view.last_used_at.map(|at| at.to_string()),
        }
    }
}

/// A key, told once.
#[derive(Clone, Serialize, ToSchema)]
pub struct NewKey {
    pub name: String,
    pub scope: String,
    pub key: String,
}

impl From<keys::NewKey> for NewKey {
    fn from(made: keys::NewKey) -> Self {
        Self { name: made.name, scope: made.scope.as_str().to_owned(), key: made.key.into_inner() }
    }
}
