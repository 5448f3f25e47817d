//! What is done to an app that is there: restart, stop, start, its environment anew, its end.
//!
//! All of it works on the version that the app's folder leads to, whoever put it there: a release, or the first release's files.

use crate::domain::app::Resources;
use crate::domain::database::DbKind;
use crate::domain::plan::{Body, Plan, PlanStep};
use crate::domain::secret::Secret;
use crate::domain::step::OnLost;
use crate::ops::deploy::HEALTH_TIMEOUT_S;
use crate::render::mask::Masker;
use crate::render::shell::Payload;
use crate::render::{caddyfile, dotenv};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Raised when the steps change their meaning.
pub const VERSION: i64 = 1;

/// Containers that are deaf to SIGTERM take docker 10 s each.
const RUN_LIMIT: Duration = Duration::from_secs(5 * 60);

const ROUTE_LIMIT: Duration = Duration::from_secs(2 * 60);

/// Large volumes and checkouts take their time.
const REMOVE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Beyond the time that the app may take: the last try may hang, and the last lines are still to be read.
const HEALTH_MARGIN: Duration = Duration::from_secs(60);

/// What makes a started app count as running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// As behind a deploy: its health check or its port answers.
    Answers,
    /// Its containers run and call themselves healthy, where they say anything.
    Runs,
    /// A database answers a query.
    Query(DbKind),
}

/// All that a plan depends on.
#[derive(Clone, Debug)]
pub struct AppFacts {
    pub installation: String,
    pub job_uid: String,
    /// The server's name, for texts.
    pub server: String,
    pub app: String,
    pub project: String,
    /// The service that has the port and the environment.
    pub service: String,
    /// Whose release serves, as far as the home knows.
    pub deployment_id: Option<i64>,
    /// Of the version that serves.
    pub resources: Resources,
    pub domains: Vec<String>,
    pub host_port: Option<u16>,
    /// False: it was stopped by a person.
    pub wanted: bool,
    pub check: Check,
}

#[derive(Clone, Debug)]
pub enum Action {
    Restart,
    Stop,
    Start,
    EnvPush(BTreeMap<String, Secret<String>>),
    Destroy(DestroyOptions),
}

/// `job.args` of a push: the environment as it was when it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvPushArgs {
    /// Variable → Fernet token.
    pub env: BTreeMap<String, String>,
}

/// `job.args` of an app's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestroyOptions {
    /// Data too.
    pub volumes: bool,
}

pub fn plan(facts: &AppFacts, action: &Action) -> Plan {
    let step = |name, limit, step: &str, script: &str, undo: Option<&str>| {
        let body = |step: &str, script: &str| Body {
            script: Arc::from(script),
            payload: payload(facts, action, step).finish(),
        };
        PlanStep {
            name,
            body: body(step, script),
            limit,
            on_lost: OnLost::Rerun,
            probe: None,
            undo: undo.map(|undo| body(&format!("undo {step}"), undo)),
            confirm: false,
        }
    };
    let health = || {
        let limit = Duration::from_secs(health_timeout_s(facts).into()) + HEALTH_MARGIN;
        let script = match facts.check {
            Check::Query(_) => {
                script!("deploy/common.sh", "app/current.sh", "database/query.sh", "database/running.sh")
            }
            Check::Answers | Check::Runs => {
                script!("deploy/common.sh", "app/current.sh", "app/health.sh", "deploy/health.sh")
            }
        };
        step("health", limit, "health", script, None)
    };
    let steps = match action {
        Action::Restart => {
            let script = script!("deploy/common.sh", "app/current.sh", "app/restart.sh");
            let undo = script!("deploy/common.sh", "app/current.sh", "app/run_undo.sh");
            vec![step("restart", RUN_LIMIT, "restart", script, Some(undo)), health()]
        }
        Action::Stop => {
            let script = script!("deploy/common.sh", "app/current.sh", "app/stop.sh");
            let undo = script!("deploy/common.sh", "app/current.sh", "app/run_undo.sh");
            vec![step("stop", RUN_LIMIT, "stop", script, Some(undo))]
        }
        Action::Start => {
            let script = script!("deploy/common.sh", "app/current.sh", "app/start.sh");
            let undo = script!("deploy/common.sh", "app/current.sh", "app/run_undo.sh");
            vec![step("start", RUN_LIMIT, "start", script, Some(undo)), health()]
        }
        Action::EnvPush(env) => {
            let script = script!("deploy/common.sh", "app/current.sh", "app/env.sh");
            let undo = script!("deploy/common.sh", "app/current.sh", "app/env_undo.sh");
            let mut push = step("env", RUN_LIMIT, "env", script, Some(undo));
            push.body.payload = payload(facts, action, "env")
                .set_secret("DOTENV", &dotenv::render(env))
                .set_secret("COMPOSE_ENV", &dotenv::render_for_compose(env))
                .finish();
            vec![push, health()]
        }
        Action::Destroy(_) => {
            let unroute = script!("caddy.sh", "deploy/common.sh", "app/unroute.sh");
            let undo = script!("caddy.sh", "deploy/common.sh", "app/unroute_undo.sh");
            let remove = script!("deploy/common.sh", "app/current.sh", "app/remove.sh");
            let remove_undo = script!("deploy/common.sh", "app/current.sh", "app/remove_undo.sh");
            vec![
                step("route", ROUTE_LIMIT, "route", unroute, Some(undo)),
                step("remove", REMOVE_LIMIT, "remove", remove, Some(remove_undo)),
            ]
        }
    };
    Plan { version: VERSION, steps }
}

fn health_timeout_s(facts: &AppFacts) -> u32 {
    facts.resources.health_timeout_s.unwrap_or(HEALTH_TIMEOUT_S)
}

/// What every step needs; no secret.
fn payload(facts: &AppFacts, action: &Action, step: &str) -> Payload {
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let wanted = facts.wanted || matches!(action, Action::Start | Action::Restart);
    let volumes = matches!(action, Action::Destroy(DestroyOptions { volumes: true }));
    let (check, kind) = match facts.check {
        Check::Answers => ("answers", ""),
        Check::Runs => ("runs", ""),
        Check::Query(kind) => ("query", kind.as_str()),
    };
    let domains: Vec<String> = facts.domains.iter().map(|domain| domain.to_lowercase()).collect();
    Payload::new()
        .set("STEP", step)
        .set("SERVER", &facts.server)
        .set("APP", &facts.app)
        .set("PROJECT", &facts.project)
        .set("SERVICE", &facts.service)
        .set("INSTALLATION", &facts.installation)
        .set("DEPLOYMENT", &facts.deployment_id.unwrap_or_default().to_string())
        .set("JOB", &facts.job_uid)
        .set("HOST_PORT", &facts.host_port.unwrap_or_default().to_string())
        .set("PORT", &facts.resources.port.to_string())
        .set("HEALTH_PATH", facts.resources.health_path.as_deref().unwrap_or_default())
        .set("HEALTH_TIMEOUT", &health_timeout_s(facts).to_string())
        .set("ANEW", &anew(&facts.app, matches!(facts.check, Check::Query(_))))
        .set("END", &end(&facts.app, false))
        .set("CHECK", check)
        .set("KIND", kind)
        .set("WANTED", yes(wanted))
        .set("VOLUMES", yes(volumes))
        .set("DOMAINS", &domains.join(" "))
        .set("ROUTE_MARK", &caddyfile::mark(&facts.installation, Some(&facts.app)))
}

/// The command that puts an app on its server anew, for hints; a database keeps its data over it.
pub(super) fn anew(app: &str, is_database: bool) -> String {
    match is_database {
        false => format!("`infrakt app deploy {app}`"),
        true => format!("`infrakt db create {app}` behind `infrakt db destroy {app}`"),
    }
}

/// The command that takes it off its server, for hints.
pub(super) fn end(app: &str, is_database: bool) -> String {
    match is_database {
        false => format!("`infrakt app destroy {app}`"),
        true => format!("`infrakt db destroy {app}`"),
    }
}

/// What the job's log must not show.
pub fn secrets(action: &Action) -> Masker {
    match action {
        Action::EnvPush(env) => {
            env.values().fold(Masker::builder(), |builder, value| builder.env_value(value.expose())).build()
        }
        Action::Restart | Action::Stop | Action::Start | Action::Destroy(_) => Masker::default(),
    }
}

#[cfg(test)]
mod tests;
