//! Managed databases: made as a release like an app's, of an image and a volume that outlives it; and taken away again.
//!
//! Most steps are a deploy's with something in front: whose the data is, the volume, and a query in the place of the health check.

use crate::domain::app::{Resources, Source};
use crate::domain::database::DbKind;
use crate::domain::plan::{Body, Plan, PlanStep};
use crate::domain::secret::Secret;
use crate::domain::step::OnLost;
use crate::ops::app;
use crate::ops::deploy::{self, DeployFacts};
use crate::render::database::{self, Database};
use crate::render::mask::Masker;
use crate::render::shell::Payload;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Raised when the steps change their meaning.
pub const VERSION: i64 = 1;

/// A first start makes the files of a whole database, on slow disks too; one with much data may have to recover first.
pub const HEALTH_TIMEOUT_S: u32 = 300;
/// Beyond it: the last query may hang, the last lines are still to be read, and the links are switched.
const HEALTH_MARGIN: Duration = Duration::from_secs(120);
const ROUTE_LIMIT: Duration = Duration::from_secs(2 * 60);
/// A large database takes its time to end in order.
const REMOVE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// `job.args` of a database's making; image and password stand in the deployment's snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateArgs {
    #[serde(rename = "type")]
    pub kind: DbKind,
    pub volume: String,
    /// The volume is there from a database that was destroyed.
    pub kept: bool,
}

/// All that the plan of a new database depends on.
#[derive(Clone, Debug)]
pub struct CreateFacts {
    pub installation: String,
    pub job_uid: String,
    pub deployment_id: i64,
    /// The server's name, for texts.
    pub server: String,
    pub name: String,
    pub project: String,
    pub image: String,
    pub args: CreateArgs,
    /// The container's variables, the password among them.
    pub env: BTreeMap<String, Secret<String>>,
    /// Tells the password from another without giving anything of it away; the volume's label.
    pub secret_mark: String,
    pub host_port: u16,
}

impl CreateFacts {
    fn deploy(&self) -> DeployFacts {
        DeployFacts {
            installation: self.installation.clone(),
            job_uid: self.job_uid.clone(),
            deployment_id: self.deployment_id,
            server: self.server.clone(),
            app: self.name.clone(),
            project: self.project.clone(),
            source: Source::Image { image: self.image.clone() },
            compose: None,
            resources: Resources {
                port: self.args.kind.port(),
                health_timeout_s: Some(HEALTH_TIMEOUT_S),
                ..Resources::default()
            },
            domains: Vec::new(),
            kept: Vec::new(),
            env: self.env.clone(),
            git_login: None,
            host_port: self.host_port,
            outputs: BTreeMap::new(),
        }
    }

    fn compose_file(&self) -> String {
        database::compose_file(&Database {
            kind: self.args.kind,
            name: &self.name,
            project: &self.project,
            image: &self.image,
            volume: &self.args.volume,
            host_port: self.host_port,
        })
    }
}

pub fn create_plan(facts: &CreateFacts) -> Plan {
    let deploy = facts.deploy();
    let told = |payload: Payload| {
        payload
            .set("KIND", facts.args.kind.as_str())
            .set("VOLUME", &facts.args.volume)
            .set("KEPT", if facts.args.kept { "yes" } else { "" })
            .set("SECRET_MARK", &facts.secret_mark)
            .set("COMPOSE", &facts.compose_file())
    };
    let body = |step: &str, script: &str| Body {
        script: Arc::from(script),
        payload: told(deploy::started_files(&deploy, deploy::payload(&deploy, step))).finish(),
    };
    let step = |name, body, limit, undo| PlanStep {
        name,
        body,
        limit,
        on_lost: OnLost::Rerun,
        probe: None,
        undo: Some(undo),
        confirm: false,
    };
    let fetch = Body {
        script: Arc::from(script!(
            "caddy.sh",
            "deploy/common.sh",
            "deploy/routes.sh",
            "database/common.sh",
            "database/fetch.sh",
            "deploy/git.sh",
            "deploy/compose_fetch.sh",
            "deploy/fetch.sh"
        )),
        payload: told(deploy::fetch_payload(&deploy)).finish(),
    };
    let start = script!(
        "deploy/common.sh",
        "deploy/adopt.sh",
        "deploy/volumes.sh",
        "database/common.sh",
        "database/start.sh",
        "deploy/start.sh"
    );
    let start_undo = script!(
        "deploy/common.sh",
        "deploy/adopt.sh",
        "database/common.sh",
        "deploy/git.sh",
        "deploy/start_undo.sh",
        "database/start_undo.sh"
    );
    // With the answer the links lead to the release: a database has no route that would be a step of its own.
    let health = script!(
        "caddy.sh",
        "deploy/common.sh",
        "deploy/adopt.sh",
        "deploy/routes.sh",
        "database/query.sh",
        "database/health.sh",
        "deploy/route.sh"
    );
    let health_undo =
        script!("caddy.sh", "deploy/common.sh", "deploy/adopt.sh", "deploy/routes.sh", "deploy/route_undo.sh");
    let health_limit = Duration::from_secs(HEALTH_TIMEOUT_S.into()) + HEALTH_MARGIN + ROUTE_LIMIT;
    Plan {
        version: VERSION,
        steps: vec![
            step(
                "fetch",
                fetch,
                deploy::PULL_LIMIT,
                body("undo fetch", script!("deploy/common.sh", "deploy/git.sh", "deploy/fetch_undo.sh")),
            ),
            step("start", body("start", start), deploy::START_LIMIT, body("undo start", start_undo)),
            step("health", body("health", health), health_limit, body("undo health", health_undo)),
        ],
    }
}

/// `job.args` of a database's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestroyArgs {
    /// Its data too.
    pub volumes: bool,
}

/// All that the plan of a database's end depends on.
#[derive(Clone, Debug)]
pub struct DestroyFacts {
    pub installation: String,
    pub job_uid: String,
    pub server: String,
    pub name: String,
    pub project: String,
    pub deployment_id: Option<i64>,
    pub kind: DbKind,
    pub volume: String,
    /// A volume without a mark that is this database's all the same: the first release made it.
    pub unmarked: Option<String>,
    /// Empty where the password is not known here.
    pub secret_mark: String,
    pub args: DestroyArgs,
}

pub fn destroy_plan(facts: &DestroyFacts) -> Plan {
    let body = |step: &str, script: &str| {
        let payload = Payload::new()
            .set("STEP", step)
            .set("SERVER", &facts.server)
            .set("APP", &facts.name)
            .set("PROJECT", &facts.project)
            .set("SERVICE", &facts.name)
            .set("INSTALLATION", &facts.installation)
            .set("DEPLOYMENT", &facts.deployment_id.unwrap_or_default().to_string())
            .set("JOB", &facts.job_uid)
            .set("ANEW", &app::anew(&facts.name, true))
            .set("END", &app::end(&facts.name, true))
            .set("DATA_DIR", facts.kind.data_dir())
            .set("VOLUME", &facts.volume)
            .set("KEPT", facts.unmarked.as_deref().unwrap_or_default())
            .set("SECRET_MARK", &facts.secret_mark)
            .set("VOLUMES", if facts.args.volumes { "yes" } else { "no" });
        Body { script: Arc::from(script), payload: payload.finish() }
    };
    let remove = script!(
        "deploy/common.sh",
        "app/current.sh",
        "database/common.sh",
        "database/remove.sh",
        "app/remove.sh",
        "database/removed.sh"
    );
    let undo = script!("deploy/common.sh", "app/current.sh", "app/remove_undo.sh");
    let step = PlanStep {
        name: "remove",
        body: body("remove", remove),
        limit: REMOVE_LIMIT,
        on_lost: OnLost::Rerun,
        probe: None,
        undo: Some(body("undo remove", undo)),
        confirm: false,
    };
    Plan { version: VERSION, steps: vec![step] }
}

/// What the job's log must not show: the password, however trivial it may look.
pub fn secrets(password: Option<&Secret<String>>) -> Masker {
    password.into_iter().fold(Masker::builder(), |builder, password| builder.always(password.expose())).build()
}

#[cfg(test)]
mod tests;
