//! Managed databases on the wire.

use crate::service::{Time, databases};
use serde::Serialize;
use utoipa::ToSchema;

/// A managed database.
#[derive(Debug, Serialize, ToSchema)]
pub struct Database {
    pub id: i64,
    pub name: String,
    pub server_name: String,
    /// `postgres`, `mysql`, `redis` or `mongo`.
    pub db_type: String,
    /// In the container, and for apps on the network `infrakt`.
    pub port: u16,
    /// `stopped`, `deploying`, `running` or `error`.
    pub status: String,
    #[schema(required)]
    pub image: Option<String>,
    /// On the server's loopback, once it was drawn.
    #[schema(required)]
    pub host_port: Option<u16>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
}

impl From<databases::DatabaseView> for Database {
    fn from(database: databases::DatabaseView) -> Self {
        Self {
            id: database.id,
            name: database.name,
            server_name: database.server_name,
            db_type: database.db_type,
            port: database.port,
            status: database.status,
            image: database.image,
            host_port: database.host_port,
            created_at: database.created_at,
            updated_at: database.updated_at,
        }
    }
}

/// What a client of a database needs. Holds its password.
#[derive(Serialize, ToSchema)]
pub struct Credentials {
    pub url: String,
    pub host: String,
    pub port: u16,
    #[schema(required)]
    pub user: Option<String>,
    #[schema(required)]
    pub database: Option<String>,
    /// Null: it asks for none.
    #[schema(required)]
    pub password: Option<String>,
}

impl From<databases::Credentials> for Credentials {
    fn from(said: databases::Credentials) -> Self {
        Self {
            url: said.url,
            host: said.host,
            port: said.port,
            user: said.user,
            database: said.database,
            password: said.password,
        }
    }
}

/// What became of the wish for a database. Holds its password.
#[derive(Serialize, ToSchema)]
pub struct CreatedDatabase {
    pub message: String,
    pub job_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<i64>,
    /// Also later: `GET /api/databases/{name}/credentials`.
    pub password: String,
    pub image: String,
    /// The volume of an earlier database of that name, with whose data and password it goes on.
    #[schema(required)]
    pub kept_volume: Option<String>,
}
