//! Which variables of an app its containers have not got yet: the environment as it is now against the one that was put on the server.

use super::app_work::alive;
use super::apps::{AppRef, find_plain};
use super::{Service, ServiceError};
use crate::domain::job::{Job, JobKind};
use crate::ops::app::EnvPushArgs;
use crate::store::{Conn, deployments, jobs};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Variable → Fernet token.
type Sealed = BTreeMap<String, String>;

/// What became of a variable since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Removed => "removed",
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct EnvChanges {
    /// The deployment that serves; none: what is on the server is not known here, and no change is told.
    pub deployment_id: Option<i64>,
    /// By key.
    pub changes: Vec<(String, Change)>,
    /// The living job that carries the environment as it is now.
    pub job_id: Option<i64>,
}

impl Service {
    pub fn env_changes(&self, app: &AppRef) -> Result<EnvChanges, ServiceError> {
        let (app_id, there, carried) = self.db().read(|conn| {
            let app = find_plain(conn, app)?;
            let there = on_server(conn, app.id, app.current_deployment_id)?;
            let carried = match there {
                Some(_) => on_the_way(conn, app.id)?,
                None => None,
            };
            Ok::<_, ServiceError>((app.id, there, carried))
        })?;
        let Some((deployment_id, there)) = there else { return Ok(EnvChanges::default()) };
        let now = self.env_file(app_id).read()?;
        let changes = self.difference(&there, &now)?;
        let job_id = match carried {
            Some((id, env)) if !changes.is_empty() && self.difference(&env, &now)?.is_empty() => Some(id),
            _ => None,
        };
        Ok(EnvChanges { deployment_id: Some(deployment_id), changes, job_id })
    }

    /// A snapshot holds the tokens themselves: only where these differ the values are opened, which may be the same again.
    fn difference(&self, before: &Sealed, now: &Sealed) -> Result<Vec<(String, Change)>, ServiceError> {
        let mut found = Vec::new();
        for name in before.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            let change = match (before.get(name), now.get(name)) {
                (Some(before), Some(now)) if before == now => continue,
                (Some(before), Some(now)) => {
                    let key = self.key()?;
                    let open = |token: &str| key.open_token(token, &format!("`{name}`"));
                    if open(before)?.expose() == open(now)?.expose() {
                        continue;
                    }
                    Change::Changed
                }
                (Some(_), None) => Change::Removed,
                (None, Some(_)) => Change::Added,
                (None, None) => continue,
            };
            found.push((name.clone(), change));
        }
        Ok(found)
    }
}

/// What the deployment that serves was put there with, or what was pushed after it.
fn on_server(conn: &mut Conn, app_id: i64, serves: Option<i64>) -> Result<Option<(i64, Sealed)>, ServiceError> {
    let Some(id) = serves else { return Ok(None) };
    // Of one of the first release nobody knows what it carried.
    let Some(spec) = deployments::spec(conn, id)? else { return Ok(None) };
    let pushed = jobs::newest_env_push(conn, app_id)?;
    let deployed = deployments::ended(conn, id)?;
    let after = pushed.filter(|job| (job.finished_at, Some(job.id)) > (deployed.at, deployed.job_id));
    Ok(after.as_ref().map_or_else(|| parse(&spec.env_sealed), pushed_env).map(|env| (id, env)))
}

/// The newest living job that brings an environment, and which.
fn on_the_way(conn: &mut Conn, app_id: i64) -> Result<Option<(i64, Sealed)>, ServiceError> {
    for job in alive(conn, app_id)? {
        let env = match job.kind {
            JobKind::EnvPush => pushed_env(&job),
            JobKind::Deploy => match job.deployment_id {
                Some(id) => deployments::spec(conn, id)?.and_then(|spec| parse(&spec.env_sealed)),
                None => None,
            },
            JobKind::Provision
            | JobKind::Restart
            | JobKind::Stop
            | JobKind::Start
            | JobKind::Destroy
            | JobKind::Proxy
            | JobKind::DbCreate
            | JobKind::DbDestroy => continue,
        };
        return Ok(env.map(|env| (job.id, env)));
    }
    Ok(None)
}

fn pushed_env(job: &Job) -> Option<Sealed> {
    serde_json::from_str::<EnvPushArgs>(&job.args).ok().map(|args| args.env)
}

fn parse(sealed: &str) -> Option<Sealed> {
    serde_json::from_str(sealed).ok()
}
