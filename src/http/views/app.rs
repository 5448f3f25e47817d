//! Apps on the wire.

use super::deployment::Deployment;
use super::job::ShortJob;
use crate::service::Time;
use crate::service::{app_reads, app_work, apps};
use serde::Serialize;
use utoipa::ToSchema;

/// Something deployed on one server: from git, from an image, or from a compose file.
#[derive(Debug, Serialize, ToSchema)]
pub struct App {
    pub id: i64,
    /// 1 to 100 of `[A-Za-z0-9._-]`; there is one of each name on a server.
    pub name: String,
    pub server_id: i64,
    pub server_name: String,
    /// The first of `domains`.
    #[schema(required)]
    pub domain: Option<String>,
    pub domains: Vec<String>,
    /// The container's port.
    #[schema(minimum = 0, maximum = 65535)]
    pub port: u16,
    /// Without the login that it may have been given with.
    #[schema(required)]
    pub git_repo: Option<String>,
    pub branch: String,
    /// Whether a login to the repository is kept.
    pub git_login: bool,
    #[schema(required)]
    pub image: Option<String>,
    /// `stopped`, `deploying`, `running` or `error`.
    pub status: String,
    /// `git`, `image`, `compose`, or `db:` and a kind of database.
    pub app_type: String,
    /// Of a compose file with several services the one that has port, routes, health check and environment.
    #[schema(required)]
    pub service: Option<String>,
    /// `[ADDR:]PORT` that is open to everybody.
    #[schema(required)]
    pub publish: Option<String>,
    #[schema(required)]
    pub health_path: Option<String>,
    /// Seconds.
    #[schema(required)]
    pub health_timeout_s: Option<u32>,
    /// As compose reads it: `512m`.
    #[schema(required)]
    pub memory: Option<String>,
    /// As compose reads it: `1.5`.
    #[schema(required)]
    pub cpus: Option<String>,
    pub compose_project: String,
    /// On the server's loopback, once it was drawn.
    #[schema(required)]
    pub host_port: Option<u16>,
    /// The deployment whose release serves.
    #[schema(required)]
    pub current_deployment_id: Option<i64>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
    /// Service → image of the release that serves; only where one app is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub images: Option<serde_json::Value>,
}

impl From<apps::AppView> for App {
    fn from(app: apps::AppView) -> Self {
        Self {
            id: app.id,
            name: app.name,
            server_id: app.server_id,
            server_name: app.server_name,
            domain: app.domain,
            domains: app.domains,
            port: app.port,
            git_repo: app.git_repo,
            branch: app.branch,
            git_login: app.git_login,
            image: app.image,
            status: app.status,
            app_type: app.app_type,
            service: app.service,
            publish: app.publish,
            health_path: app.health_path,
            health_timeout_s: app.health_timeout_s,
            memory: app.memory,
            cpus: app.cpus,
            compose_project: app.compose_project,
            host_port: app.host_port,
            current_deployment_id: app.current_deployment_id,
            created_at: app.created_at,
            updated_at: app.updated_at,
            images: app.images,
        }
    }
}

/// All about an app.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppDetails {
    #[serde(flatten)]
    pub app: App,
    /// The last ones, the newest first, without their logs.
    pub deployments: Vec<Deployment>,
    /// What waits or runs for it, the newest first.
    pub jobs: Vec<ShortJob>,
    /// As docker sees them now; null where nobody looked or the server did not answer.
    #[schema(required)]
    pub containers: Option<Vec<AppContainer>>,
    /// Why there are no containers to show.
    #[schema(required)]
    pub containers_error: Option<String>,
}

impl From<app_reads::AppDetails> for AppDetails {
    fn from(details: app_reads::AppDetails) -> Self {
        let container = |container: app_reads::AppContainer| AppContainer {
            id: container.id,
            name: container.name,
            service: container.service,
            image: container.image,
            state: container.state,
            exit_code: container.exit_code,
            restarts: container.restarts,
            health: container.health,
            started_at: container.started_at,
            deployment_id: container.deployment_id,
        };
        Self {
            app: details.app.into(),
            deployments: details.deployments.into_iter().map(Deployment::from).collect(),
            jobs: details.jobs.into_iter().map(ShortJob::from).collect(),
            containers: details.containers.map(|all| all.into_iter().map(container).collect()),
            containers_error: details.containers_error,
        }
    }
}

/// A container of an app.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppContainer {
    pub id: String,
    pub name: String,
    /// Of the compose file.
    pub service: String,
    pub image: String,
    /// Docker's word: `running`, `exited`, `restarting` …
    pub state: String,
    pub exit_code: i32,
    pub restarts: u32,
    /// What the image's own check says, where it has one.
    #[schema(required)]
    pub health: Option<String>,
    /// As docker writes it (RFC 3339).
    pub started_at: String,
    /// The deployment that made it.
    #[schema(required)]
    pub deployment_id: Option<i64>,
}

/// The last lines of an app's containers.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppLogs {
    pub app_name: String,
    pub logs: String,
}

/// An app or a database that this home knows no more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Forgotten {
    pub message: String,
    pub name: String,
    pub server_name: String,
    /// Jobs that had begun: what they did on the server was not looked at.
    pub abandoned_jobs: Vec<i64>,
    /// Something of it may be on its server still, as the compose project `compose_project`.
    pub left_on_server: bool,
    pub compose_project: String,
}

impl From<app_work::Forgotten> for Forgotten {
    fn from(gone: app_work::Forgotten) -> Self {
        let message = if gone.left_on_server {
            format!("{} is forgotten here; what is on {} stays there", gone.name, gone.server_name)
        } else {
            format!("{} is forgotten; nothing of it was on {}", gone.name, gone.server_name)
        };
        Self {
            message,
            name: gone.name,
            server_name: gone.server_name,
            abandoned_jobs: gone.abandoned_jobs,
            left_on_server: gone.left_on_server,
            compose_project: gone.compose_project,
        }
    }
}
