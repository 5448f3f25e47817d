//! The home at a glance: how much there is, and what was deployed last. Counted, not loaded.

use super::deployments::{self, DeploymentView};
use super::{Service, ServiceError};
use crate::domain::app::AppStatus;
use crate::domain::server::ServerStatus;
use crate::store::{Page, apps, deployments as deployment_rows, servers};
use serde::Serialize;

/// How many of the last deployments are shown.
const RECENT: i64 = 10;

#[derive(Clone, Debug, Serialize)]
pub struct DashboardView {
    pub total_servers: i64,
    pub active_servers: i64,
    /// Databases are counted by themselves.
    pub total_apps: i64,
    pub running_apps: i64,
    pub total_databases: i64,
    /// The newest first.
    pub recent_deployments: Vec<DeploymentView>,
}

impl Service {
    pub fn dashboard(&self) -> Result<DashboardView, ServiceError> {
        self.db().read(|conn| {
            let mut recent_deployments = Vec::new();
            for row in deployment_rows::list(conn, None, Page::first(RECENT))? {
                // The rows hold on to each other.
                if let Some(app) = apps::find(conn, row.app_id)? {
                    recent_deployments.push(deployments::view(conn, &app, row, true)?);
                }
            }
            Ok(DashboardView {
                total_servers: servers::count(conn, None)?,
                active_servers: servers::count(conn, Some(ServerStatus::Active))?,
                total_apps: apps::count(conn, false, None)?,
                running_apps: apps::count(conn, false, Some(AppStatus::Running))?,
                total_databases: apps::count(conn, true, None)?,
                recent_deployments,
            })
        })
    }
}
