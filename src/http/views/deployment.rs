//! Deployments on the wire.

use crate::service::{Time, deployments};
use serde::Serialize;
use utoipa::ToSchema;

/// One attempt to put an app's wanted state on its server.
#[derive(Debug, Serialize, ToSchema)]
pub struct Deployment {
    pub id: i64,
    pub app_id: i64,
    pub app_name: String,
    pub server_name: String,
    /// 40 hex digits; null where there is no repository, or before it was fetched.
    #[schema(required)]
    pub commit_hash: Option<String>,
    /// The first line of the commit's message.
    #[schema(required)]
    pub commit_subject: Option<String>,
    /// The branch, tag or commit that was asked for, of a repository.
    #[schema(required)]
    pub branch: Option<String>,
    /// The image that was asked for.
    #[schema(required)]
    pub image: Option<String>,
    /// Service → image, as it was resolved.
    #[schema(required, value_type = Option<Object>)]
    pub images: serde_json::Value,
    pub domains: Vec<String>,
    /// `in_progress`, `success`, `failed` or `cancelled`.
    pub status: String,
    /// Why it failed or was cancelled.
    #[schema(required)]
    pub reason: Option<String>,
    #[schema(required)]
    pub job_id: Option<i64>,
    /// In a list its last 64 KiB.
    #[schema(required)]
    pub log: Option<String>,
    /// The log's beginning was left out.
    pub log_truncated: bool,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Time,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Time>,
}

impl From<deployments::DeploymentView> for Deployment {
    fn from(deployment: deployments::DeploymentView) -> Self {
        Self {
            id: deployment.id,
            app_id: deployment.app_id,
            app_name: deployment.app_name,
            server_name: deployment.server_name,
            commit_hash: deployment.commit_hash,
            commit_subject: deployment.commit_subject,
            branch: deployment.branch,
            image: deployment.image,
            images: deployment.images,
            domains: deployment.domains,
            status: deployment.status,
            reason: deployment.reason,
            job_id: deployment.job_id,
            log: deployment.log,
            log_truncated: deployment.log_truncated,
            started_at: deployment.started_at,
            finished_at: deployment.finished_at,
        }
    }
}

/// The home at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub struct Dashboard {
    pub total_servers: i64,
    pub active_servers: i64,
    /// Databases are counted by themselves.
    pub total_apps: i64,
    pub running_apps: i64,
    pub total_databases: i64,
    /// The last ten, the newest first.
    pub recent_deployments: Vec<Deployment>,
}

impl From<crate::service::dashboard::DashboardView> for Dashboard {
    fn from(view: crate::service::dashboard::DashboardView) -> Self {
        Self {
            total_servers: view.total_servers,
            active_servers: view.active_servers,
            total_apps: view.total_apps,
            running_apps: view.running_apps,
            total_databases: view.total_databases,
            recent_deployments: view.recent_deployments.into_iter().map(Deployment::from).collect(),
        }
    }
}
