//! Servers: record, look up, change, forget. What is asked of a known one is in [`super::contact`].

use super::contact::{other_key, pin_first, read};
use super::error::nearest;
use super::{NEAR_LIMIT, PAGE, Service, ServiceError, Time, up_to};
use crate::domain::job::lane_of_server;
use crate::domain::name;
use crate::domain::server::{HostKey, NewServer, Server};
pub use crate::ops::provision::{Packages, ProvisionOptions};
use crate::ops::reads::login;
pub use crate::ops::reads::status::{Container, Part, Usage};
use crate::queue;
pub use crate::queue::answer::PauseReason;
use crate::ssh::{ConnectError, Target};
use crate::store::events::{self, Subject};
use crate::store::{Conn, Page, apps, jobs, lanes, servers};
use crate::vault::EnvFile;
use serde::Serialize;
use serde_json::{Value, json};

/// A server to be added, as a person says it. What is left out comes from the user's SSH configuration, then from the defaults.
#[derive(Clone, Debug, Default)]
pub struct AddServer {
    pub name: String,
    pub host: String,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub key_path: Option<String>,
    pub provider: Option<String>,
}

/// What was found at a first login, before anything is recorded.
#[derive(Clone, Debug)]
pub struct Greeting {
    pub host_key: HostKey,
    pub login: login::Login,
}

/// A server as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct ServerView {
    pub id: i64,
    pub name: String,
    pub host: String,
    pub user: String,
    pub port: u16,
    pub ssh_key_path: Option<String>,
    pub status: String,
    pub provider: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub app_count: i64,
    pub host_key: Option<HostKey>,
    pub last_seen_at: Option<Time>,
    /// Why it did not answer when it was asked last.
    pub last_error: Option<String>,
    pub facts: Value,
    /// Its jobs wait until somebody ends the pause.
    pub paused: Option<Pause>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Pause {
    pub since: Time,
    #[serde(flatten)]
    pub reason: Option<PauseReason>,
}

/// What was forgotten with a server.
#[derive(Clone, Debug, Serialize)]
pub struct Removed {
    /// Its name.
    pub removed: String,
    pub apps: i64,
    /// Jobs that had begun: what they did on the server was not looked at.
    pub abandoned_jobs: Vec<i64>,
}

/// What is to change of a server; an empty text takes key or provider away.
#[derive(Clone, Debug, Default)]
pub struct EditServer {
    pub name: Option<String>,
    pub host: Option<String>,
    pub user: Option<String>,
    pub port: Option<u16>,
    pub key_path: Option<String>,
    pub provider: Option<String>,
}

impl EditServer {
    fn check(&self) -> Result<(), ServiceError> {
        if !self.is_about_the_way() && self.provider.is_none() && self.name.is_none() {
            return Err(ServiceError::Invalid {
                text: "there is nothing to change".into(),
                hint: Some("say `--name`, `--host`, `--port`, `--user`, `--key` or `--provider`".into()),
            });
        }
        self.name.as_deref().map(|name| name::check_name("name", name)).transpose()?;
        self.host.as_deref().map(name::check_host).transpose()?;
        self.user.as_deref().map(name::check_user).transpose()?;
        if self.port == Some(0) { Err(invalid("port 0 is none")) } else { Ok(()) }
    }

    /// Whether it is reached in another way afterwards.
    fn is_about_the_way(&self) -> bool {
        self.host.is_some() || self.user.is_some() || self.port.is_some() || self.key_path.is_some()
    }

    fn applied(&self, server: Server) -> Server {
        let or_none = |said: &Option<String>, was: Option<String>| match said.as_deref() {
            None => was,
            Some("") => None,
            Some(text) => Some(text.to_owned()),
        };
        Server {
            name: self.name.clone().unwrap_or(server.name),
            host: self.host.clone().unwrap_or(server.host),
            user: self.user.clone().unwrap_or(server.user),
            port: self.port.unwrap_or(server.port),
            ssh_key_path: or_none(&self.key_path, server.ssh_key_path),
            provider: or_none(&self.provider, server.provider),
            ..server
        }
    }
}

impl Service {
    pub fn servers(&self, after: Option<i64>) -> Result<Vec<ServerView>, ServiceError> {
        let page = Page { after, limit: PAGE };
        self.db().read(|conn| servers::list(conn, page)?.into_iter().map(|server| view(conn, server)).collect())
    }

    /// By name, upwards; `after`: the last name before.
    pub fn servers_by_name(&self, after: Option<&str>, limit: i64) -> Result<Vec<ServerView>, ServiceError> {
        let limit = limit.clamp(1, PAGE + 1);
        self.db().read(|conn| {
            servers::list_by_name(conn, after, limit)?.into_iter().map(|server| view(conn, server)).collect()
        })
    }

    pub fn server(&self, name: &str) -> Result<ServerView, ServiceError> {
        self.db().read(|conn| {
            let server = find(conn, name)?;
            view(conn, server)
        })
    }

    /// Whether the request could be recorded, looked at before the server is asked.
    pub fn check_new_server(&self, new: &AddServer) -> Result<(), ServiceError> {
        name::check_name("name", &new.name)?;
        name::check_host(&new.host)?;
        if let Some(user) = &new.user {
            name::check_user(user)?;
        }
        if new.port == Some(0) {
            return Err(invalid("port 0 is none"));
        }
        match self.db().read(|conn| servers::find_by_name(conn, &new.name))? {
            Some(_) => Err(ServiceError::ServerExists { name: new.name.clone() }),
            None => Ok(()),
        }
    }

    /// The key that the host shows: no login.
    pub async fn host_key_of(&self, new: &AddServer) -> Result<HostKey, ServiceError> {
        let target = self.target_of_new(new);
        self.ssh().host_key(&target).await.map_err(|error| refused_new(&error, new))
    }

    /// The same where the server could be recorded; else the host is not asked.
    pub async fn host_key_of_new(&self, new: &AddServer) -> Result<HostKey, ServiceError> {
        self.check_new_server(new)?;
        self.host_key_of(new).await
    }

    /// Logs in, accepting this key alone, and looks whether root's rights are there.
    pub async fn greet(&self, new: &AddServer, host_key: HostKey) -> Result<Greeting, ServiceError> {
        let mut target = self.target_of_new(new);
        target.pinned = Some(host_key.clone());
        let connection = self.ssh().connect(&target).await.map_err(|error| refused_new(&error, new))?;
        let text = read(&connection, &new.name, &login::read()).await?;
        Ok(Greeting { host_key, login: login::parse(&text)? })
    }

    /// Records a server that must show this host key, or without a contact where none is expected.
    pub async fn add_server_with_key(
        &self,
        new: AddServer,
        fingerprint: Option<&str>,
    ) -> Result<ServerView, ServiceError> {
        self.check_new_server(&new)?;
        let Some(expected) = fingerprint else { return self.add_server(new, None).await };
        let key = self.host_key_of(&new).await?;
        if !key.has_fingerprint(expected) {
            return Err(other_key(&new.name, &key, expected));
        }
        let greeting = self.greet(&new, key).await?;
        self.add_server(new, Some(greeting)).await
    }

    /// Records a server; with a greeting its key is pinned. `Failed` cannot happen here: nothing is asked of the server.
    pub async fn add_server(&self, new: AddServer, greeting: Option<Greeting>) -> Result<ServerView, ServiceError> {
        self.check_new_server(&new)?;
        let resolved =
            self.ssh().resolve(&self.target_of_new(&new)).await.map_err(|error| refused_new(&error, &new))?;
        let row = NewServer {
            name: new.name.clone(),
            host: new.host,
            port: resolved.port,
            user: resolved.user,
            ssh_key_path: new.key_path,
            provider: new.provider,
            host_key: greeting.as_ref().map(|greeting| greeting.host_key.clone()),
        };
        let now = self.now_ms();
        self.db().write(|conn| {
            let id = servers::insert(conn, now, &row).map_err(|error| match error.is_exists() {
                true => ServiceError::ServerExists { name: new.name.clone() },
                false => error.into(),
            })?;
            if greeting.is_some() {
                servers::seen(conn, id, now)?;
            }
            events::insert(conn, now, "server", Subject::server(id), &json!({ "what": "added", "name": row.name }))?;
            let server = find(conn, &row.name)?;
            view(conn, server)
        })
    }

    /// Changes how a server is reached; its pinned key stays, and so does what it must be. Without `offline` the new way is tried
    /// first, and one that does not lead there is not recorded. Jobs that wait go the new way; what runs keeps its connection. Another
    /// name is one for people: servers, lanes and jobs are told apart by their ids.
    pub async fn edit_server(&self, name: &str, edit: &EditServer, offline: bool) -> Result<ServerView, ServiceError> {
        edit.check()?;
        let server = self.db().read(|conn| find(conn, name))?;
        let changed = edit.applied(server.clone());
        let mut seen = None;
        if edit.is_about_the_way() && !offline {
            let made = self.ssh().connect(&self.target_of(&changed)).await;
            let connection = made.map_err(|error| not_that_way(&error, &server.name))?;
            read(&connection, &server.name, &login::read()).await?;
            seen = Some(connection.host_key());
        }
        let now = self.now_ms();
        let view = self.db().write(|conn| {
            // Read again with the right to write: another edit may have come between.
            let server = find(conn, name)?;
            let changed = edit.applied(server.clone());
            servers::update(conn, now, &changed).map_err(|error| match error.is_exists() {
                true => ServiceError::ServerExists { name: changed.name.clone() },
                false => error.into(),
            })?;
            if changed.name != server.name {
                queue::rename::server(conn, now, server.id, &changed.name)?;
            }
            if let Some(key) = &seen {
                if server.host_key.is_none() {
                    pin_first(conn, now, &server, key)?;
                }
                servers::seen(conn, server.id, now)?;
            }
            if edit.is_about_the_way() {
                queue::outage::is_over(conn, server.id)?;
            }
            let data = json!({ "what": "edited", "name": changed.name });
            events::insert(conn, now, "server", Subject::server(server.id), &data)?;
            let server = find(conn, &changed.name)?;
            view(conn, server)
        })?;
        self.ring();
        Ok(view)
    }

    /// Forgets a server. Nothing on it is touched. With `force` its apps go with it, and so do its jobs where nobody can reach it:
    /// what had begun is recorded as failed, since nobody knows what became of it there.
    pub async fn remove_server(&self, name: &str, force: bool, by: &str) -> Result<Removed, ServiceError> {
        let alive = |conn: &mut Conn, server: &Server| jobs::alive_in_lane(conn, &lane_of_server(server.id));
        let (server, busy) = self.db().read(|conn| {
            let server = find(conn, name)?;
            let busy = alive(conn, &server)?.first().map(|job| job.id);
            Ok::<_, ServiceError>((server, busy))
        })?;
        // A server that answers can end its jobs as they should end.
        let gone = match busy {
            Some(_) if force => self.ssh().connect(&self.target_of(&server)).await.is_err(),
            _ => false,
        };
        let now = self.now_ms();
        let (removed, app_ids) = self.db().write(|conn| {
            let server = find(conn, name)?;
            let jobs = alive(conn, &server)?;
            if let Some(job) = jobs.first().filter(|_| !gone) {
                return Err(ServiceError::ServerBusy { name: server.name, job: job.id });
            }
            let count = servers::app_count(conn, server.id)?;
            if count > 0 && !force {
                return Err(ServiceError::ServerHasApps { name: server.name, count });
            }
            let mut abandoned = Vec::new();
            for job in &jobs {
                if queue::abandon::one(conn, now, job, by)? {
                    abandoned.push(job.id);
                }
            }
            let mut app_ids = Vec::new();
            loop {
                let filter = apps::Filter { server_id: Some(server.id), databases: None };
                let some = apps::list(conn, filter, Page::first(PAGE))?;
                if some.is_empty() {
                    break;
                }
                for app in some {
                    apps::delete(conn, app.id)?;
                    events::insert(
                        conn,
                        now,
                        "app",
                        Subject::app(app.id, server.id),
                        &json!({ "what": "forgotten", "name": app.name }),
                    )?;
                    app_ids.push(app.id);
                }
            }
            servers::delete(conn, server.id)?;
            let data = json!({ "what": "removed", "name": server.name });
            events::insert(conn, now, "server", Subject::server(server.id), &data)?;
            Ok::<_, ServiceError>((Removed { removed: server.name, apps: count, abandoned_jobs: abandoned }, app_ids))
        })?;
        self.ring();
        // After the commit: an environment whose app is gone is litter, one whose app came back would be a loss.
        for id in app_ids {
            EnvFile::new(self.home().env_file(id)).remove()?;
        }
        Ok(removed)
    }

    fn target_of_new(&self, new: &AddServer) -> Target {
        let mut target = Target::new(new.host.clone());
        target.port = new.port;
        target.user = new.user.clone();
        target.key_path = new.key_path.clone().map(Into::into);
        target.passphrase = self.passphrase();
        target
    }
}

/// Nothing is recorded yet: what could be edited of a known server is a flag here.
fn refused_new(error: &ConnectError, new: &AddServer) -> ServiceError {
    let failure = error.failure(&new.name);
    ServiceError::Failed(match error {
        ConnectError::PassphraseNeeded { .. } => return ServiceError::KeyLocked(failure),
        ConnectError::BadTarget(_) => failure.with_hint("correct `--host` or `--user`"),
        ConnectError::Unreachable(_) => {
            failure.with_hint("is it up, and are host and port right? `--offline` records it all the same")
        }
        ConnectError::LoginRefused { user, .. } => failure.with_hint(format!(
            "put the public key into ~/.ssh/authorized_keys of `{user}` there, or name another with `--key FILE`"
        )),
        ConnectError::BadKey { .. } => failure.with_hint("name the private key's file with `--key FILE`"),
        ConnectError::HostKeyChanged { .. } => {
            failure.with_hint("the key changed between two looks: somebody may be in between")
        }
        ConnectError::Timeout(_)
        | ConnectError::TurnedAway
        | ConnectError::NotAsKnown { .. }
        | ConnectError::Local(_) => failure,
    })
}

/// The record stays as it is: what was wrong with the edit is said.
fn not_that_way(error: &ConnectError, server: &str) -> ServiceError {
    let failure = error.failure(server);
    ServiceError::Failed(match error {
        ConnectError::PassphraseNeeded { .. } => return ServiceError::KeyLocked(failure),
        ConnectError::HostKeyChanged { .. } => failure.with_hint(format!(
            "another machine is there: nothing was changed. `--offline` records it all the same, `infrakt server trust {server}` pins its key then"
        )),
        ConnectError::BadTarget(_)
        | ConnectError::Unreachable(_)
        | ConnectError::Timeout(_)
        | ConnectError::TurnedAway
        | ConnectError::LoginRefused { .. }
        | ConnectError::BadKey { .. } => {
            failure.with_hint("nothing was changed; `--offline` records it all the same")
        }
        ConnectError::NotAsKnown { .. } | ConnectError::Local(_) => failure,
    })
}

/// The server of that name, or the name that was probably meant.
pub(super) fn find(conn: &mut Conn, name: &str) -> Result<Server, ServiceError> {
    if let Some(server) = servers::find_by_name(conn, name)? {
        return Ok(server);
    }
    let all =
        up_to(NEAR_LIMIT, |server: &Server| server.id, |after, limit| servers::list(conn, Page { after, limit }))?;
    let near = nearest(name, all.iter().map(|server| server.name.as_str()));
    Err(ServiceError::NoServer { name: name.to_owned(), near })
}

pub(super) fn view(conn: &mut Conn, server: Server) -> Result<ServerView, ServiceError> {
    let app_count = servers::app_count(conn, server.id)?;
    let paused = pause_of(conn, server.id)?;
    Ok(ServerView {
        id: server.id,
        name: server.name,
        host: server.host,
        user: server.user,
        port: server.port,
        ssh_key_path: server.ssh_key_path,
        status: server.status.to_string(),
        provider: server.provider,
        created_at: Time(server.created_at),
        updated_at: Time(server.updated_at),
        app_count,
        host_key: server.host_key,
        last_seen_at: server.last_seen_at.map(Time),
        last_error: server.last_error,
        facts: server.facts.and_then(|facts| serde_json::from_str(&facts).ok()).unwrap_or(Value::Null),
        paused,
    })
}

/// Whether a server's lane is paused, and why.
pub(super) fn pause_of(conn: &mut Conn, server_id: i64) -> Result<Option<Pause>, ServiceError> {
    let Some(lane) = lanes::find(conn, &lane_of_server(server_id))? else { return Ok(None) };
    let reason = lane.pause_reason.as_deref().and_then(PauseReason::parse);
    Ok(lane.paused_at.map(|since| Pause { since: Time(since), reason }))
}

pub(super) fn invalid(text: impl Into<String>) -> ServiceError {
    ServiceError::Invalid { text: text.into(), hint: None }
}
