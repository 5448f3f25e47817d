//! What is done to an app that is there: facts of the version that serves, and the environment that a push carries.

use super::{StorePlanner, home_trouble};
use crate::domain::app::{App, AppStatus, Resources, Source};
use crate::domain::database::DbKind;
use crate::domain::failure::Failure;
use crate::domain::job::{Job, JobKind};
use crate::domain::server::Server;
use crate::engine::planner::Prepared;
use crate::ops;
use crate::ops::app::{Action, AppFacts, Check, DestroyOptions, EnvPushArgs};
use crate::store::{deployments, ports};
use crate::vault::EnvFile;
use serde::de::DeserializeOwned;

impl StorePlanner {
    pub(super) fn on_app(&self, job: &Job, server: &Server) -> Result<Prepared, Failure> {
        let app = self.app(job)?;
        let action = match job.kind {
            JobKind::Restart => Action::Restart,
            JobKind::Stop => Action::Stop,
            JobKind::Start => Action::Start,
            JobKind::EnvPush => Action::EnvPush(self.open(args::<EnvPushArgs>(job)?.env)?),
            JobKind::Destroy => Action::Destroy(args::<DestroyOptions>(job)?),
            JobKind::Deploy | JobKind::Provision | JobKind::Proxy | JobKind::DbCreate | JobKind::DbDestroy => {
                return Err(Failure::permanent("internal", format!("{} is no work on an app that is there", job.kind)));
            }
        };
        let facts = self.app_facts(job, server, app)?;
        Ok(Prepared {
            plan: ops::app::plan(&facts, &action),
            target: self.target(server),
            masker: ops::app::secrets(&action),
        })
    }

    /// The version that serves says what is to be looked at; the app's row may have been edited since.
    fn app_facts(&self, job: &Job, server: &Server, app: App) -> Result<AppFacts, Failure> {
        let (spec, host_port) = self
            .db
            .read(|conn| {
                let spec = match app.current_deployment_id {
                    Some(id) => deployments::spec(conn, id)?,
                    None => None,
                };
                Ok((spec, ports::find(conn, app.id, ports::MAIN)?))
            })
            .map_err(home_trouble)?;
        let check = match DbKind::of_app(&app) {
            Some(kind) => Check::Query(kind),
            None if spec.is_some() => Check::Answers,
            None => Check::Runs,
        };
        let (source, mut resources) = match spec {
            Some(spec) => (spec.source, spec.resources),
            None => (app.source, app.resources),
        };
        if let Check::Query(_) = check {
            resources.health_timeout_s = Some(ops::database::HEALTH_TIMEOUT_S);
        }
        Ok(AppFacts {
            installation: self.installation.clone(),
            job_uid: job.uid.clone(),
            server: server.name.clone(),
            service: service(&app.name, &source, &resources),
            app: app.name,
            project: app.compose_project,
            deployment_id: app.current_deployment_id,
            wanted: job.prev_status.as_deref().map_or(Ok(app.status), str::parse).unwrap_or(AppStatus::Running)
                != AppStatus::Stopped,
            resources,
            domains: app.domains,
            host_port,
            check,
        })
    }

    /// Behind the commit: an environment whose app is gone is litter, one whose app came back would be a loss.
    pub(super) fn forget_environment(&self, app_id: i64) {
        if let Err(error) = EnvFile::new(self.envs.join(format!("{app_id}.json"))).remove() {
            tracing::warn!(%error, "the environment of an app that is gone could not be removed");
        }
    }
}

/// The service that has the port and the environment.
fn service(app: &str, source: &Source, resources: &Resources) -> String {
    match source {
        Source::Image { .. } => app.to_owned(),
        Source::Git { .. } | Source::Compose => resources.service.clone().unwrap_or_else(|| app.to_owned()),
    }
}

pub(super) fn args<T: DeserializeOwned>(job: &Job) -> Result<T, Failure> {
    serde_json::from_str(&job.args)
        .map_err(|e| Failure::permanent("bad_snapshot", format!("the job's arguments cannot be read: {e}")))
}
