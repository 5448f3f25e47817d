//! Servers on the wire.

use super::said_time;
use crate::domain::server;
use crate::service::Time;
use crate::service::contact;
use crate::service::servers;
use serde::Serialize;
use utoipa::ToSchema;

/// A machine reached over SSH.
#[derive(Debug, Serialize, ToSchema)]
pub struct Server {
    pub id: i64,
    /// 1 to 100 of `[A-Za-z0-9._-]`, the first one alphanumeric; there is one of each name.
    pub name: String,
    /// Host name, address, or an alias of the SSH configuration of infrakt's host.
    pub host: String,
    pub user: String,
    #[schema(minimum = 1, maximum = 65535)]
    pub port: u16,
    /// The private key's file on infrakt's host; null: the agent, then the usual files.
    #[schema(required)]
    pub ssh_key_path: Option<String>,
    /// `inactive`, `provisioning` or `active`. That it cannot be reached is told by `last_error`.
    pub status: String,
    /// Who rents it out, for people's own record.
    #[schema(required)]
    pub provider: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Time,
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Time,
    /// Databases included.
    pub app_count: i64,
    /// The pinned host key; null before the first contact.
    #[schema(required)]
    pub host_key: Option<HostKey>,
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub last_seen_at: Option<Time>,
    /// Why it did not answer when it was asked last; null where it did.
    #[schema(required)]
    pub last_error: Option<String>,
    /// What was found on it when it was provisioned: system, versions.
    #[schema(required, value_type = Option<Object>)]
    pub facts: serde_json::Value,
    /// Its jobs wait until a person ends the pause.
    #[schema(required)]
    pub paused: Option<Pause>,
}

impl From<servers::ServerView> for Server {
    fn from(server: servers::ServerView) -> Self {
        Self {
            id: server.id,
            name: server.name,
            host: server.host,
            user: server.user,
            port: server.port,
            ssh_key_path: server.ssh_key_path,
            status: server.status,
            provider: server.provider,
            created_at: server.created_at,
            updated_at: server.updated_at,
            app_count: server.app_count,
            host_key: server.host_key.map(HostKey::from),
            last_seen_at: server.last_seen_at,
            last_error: server.last_error,
            facts: server.facts,
            paused: server.paused.map(Pause::from),
        }
    }
}

/// An SSH host key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HostKey {
    /// As SSH names it: `ssh-ed25519`.
    pub key_type: String,
    /// As OpenSSH prints it: `SHA256:…`.
    pub fingerprint: String,
}

impl From<server::HostKey> for HostKey {
    fn from(key: server::HostKey) -> Self {
        Self { key_type: key.key_type, fingerprint: key.fingerprint }
    }
}

/// Why a server's jobs wait.
#[derive(Debug, Serialize, ToSchema)]
pub struct Pause {
    #[schema(value_type = String, format = DateTime)]
    pub since: Time,
    /// `host_key`: it shows another key than the pinned one, until somebody trusts it. `by_hand`: somebody paused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<HostKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<HostKey>,
    /// Who paused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

impl From<servers::Pause> for Pause {
    fn from(pause: servers::Pause) -> Self {
        let bare = Self { since: pause.since, why: None, pinned: None, seen: None, by: None };
        match pause.reason {
            None => bare,
            Some(servers::PauseReason::HostKey { pinned, seen }) => {
                Self { why: Some("host_key"), pinned: Some(pinned.into()), seen: Some(seen.into()), ..bare }
            }
            Some(servers::PauseReason::ByHand { by }) => Self { why: Some("by_hand"), by: Some(by), ..bare },
        }
    }
}

/// The key that is pinned and the one that the server shows now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Fingerprint {
    pub name: String,
    #[schema(required)]
    pub pinned: Option<HostKey>,
    pub seen: HostKey,
    /// They are the same.
    pub matches: bool,
}

/// Whether somebody can log in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reachable {
    pub reachable: bool,
    /// What stands in the way, and what to try.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable: `unreachable`, `login_refused`, `host_key` …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What was forgotten with a server.
#[derive(Debug, Serialize, ToSchema)]
pub struct RemovedServer {
    pub message: String,
    /// Apps and databases that are forgotten with it; nothing on the server was touched.
    pub apps: i64,
    /// Jobs that had begun: what they did on the server was not looked at.
    pub abandoned_jobs: Vec<i64>,
}

impl From<servers::Removed> for RemovedServer {
    fn from(removed: servers::Removed) -> Self {
        let message = match removed.apps {
            0 => format!("{} is forgotten", removed.removed),
            1 => format!("{} is forgotten, with 1 app", removed.removed),
            apps => format!("{} is forgotten, with {apps} apps", removed.removed),
        };
        Self { message, apps: removed.apps, abandoned_jobs: removed.abandoned_jobs }
    }
}

/// How a server is, in its own words, fresh.
#[derive(Debug, Serialize, ToSchema)]
pub struct ServerStatus {
    pub name: String,
    pub host: String,
    #[schema(required)]
    pub os: Option<String>,
    /// For people: `up 3 days, 2 hours, 5 minutes`.
    pub uptime: String,
    /// Seconds.
    pub uptime_s: u64,
    /// Of the last 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// Processors: `total` is how many there are.
    pub cpu: Cpu,
    pub memory: Usage,
    pub swap: Usage,
    /// Of the root file system.
    pub disk: Usage,
    pub docker: Part,
    pub caddy: Part,
    pub ufw: Part,
    pub fail2ban: Part,
    /// The version of docker's compose plugin; null: there is none.
    #[schema(required)]
    pub compose: Option<String>,
    pub reboot_required: bool,
    pub containers: Vec<Container>,
}

/// Bytes of something that fills up.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Bytes.
    pub total: u64,
    /// Bytes.
    pub used: u64,
    /// Bytes that may still be used.
    pub free: u64,
    /// Of what people can use: 0 to 100, one decimal.
    pub percent: f64,
}

/// Processors, all of them together.
#[derive(Debug, Serialize, ToSchema)]
pub struct Cpu {
    pub total: u32,
    pub used: f64,
    pub free: f64,
    /// Busy share over some tenths of a second, 0 to 100.
    pub percent: f64,
}

/// A program that may be missing, or there and silent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Part {
    /// `missing`, `down` or `up`.
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl From<servers::Part> for Part {
    fn from(part: servers::Part) -> Self {
        match part {
            servers::Part::Missing => Self { state: "missing", version: None },
            servers::Part::Down { version } => Self { state: "down", version },
            servers::Part::Up { version } => Self { state: "up", version },
        }
    }
}

/// A container, whoever's it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub image: String,
    /// Docker's word: `running`, `exited`, `restarting` …
    pub state: String,
    /// Docker's sentence: `Up 3 minutes (healthy)`.
    pub status: String,
    /// Its compose project.
    #[schema(required)]
    pub project: Option<String>,
    /// The app whose label it has.
    #[schema(required)]
    pub app: Option<String>,
}

impl From<contact::ServerStatus> for ServerStatus {
    fn from(said: contact::ServerStatus) -> Self {
        let status = said.status;
        let usage = |usage: servers::Usage| Usage {
            total: usage.total,
            used: usage.used,
            free: usage.free,
            percent: usage.percent,
        };
        let container = |container: servers::Container| Container {
            id: container.id,
            name: container.name,
            image: container.image,
            state: container.state,
            status: container.status,
            project: container.project,
            app: container.app,
        };
        Self {
            name: said.name,
            host: said.host,
            os: status.os,
            uptime: said_time::uptime(status.uptime_s),
            uptime_s: status.uptime_s,
            load: status.load,
            cpu: Cpu {
                total: status.cpu.total,
                used: status.cpu.used,
                free: status.cpu.free,
                percent: status.cpu.percent,
            },
            memory: usage(status.memory),
            swap: usage(status.swap),
            disk: usage(status.disk),
            docker: status.services.docker.into(),
            caddy: status.services.caddy.into(),
            ufw: status.services.ufw.into(),
            fail2ban: status.services.fail2ban.into(),
            compose: status.compose,
            reboot_required: status.reboot_required,
            containers: status.containers.into_iter().map(container).collect(),
        }
    }
}
