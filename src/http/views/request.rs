//! The bodies of requests about servers, jobs and the proxy; those about apps are in [`super::request_app`].
//!
//! A body that the first release knows names its fields: others are ignored with a warning. A new one refuses them.

use crate::domain::job::Resolution;
use crate::http::extract::{Input, number_or_none};
use crate::service::proxy::LeadsTo;
use crate::service::servers::{AddServer, EditServer, Packages, ProvisionOptions};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

/// Null or missing, or a text that is not empty: what a form was not filled in with arrives as an empty text.
pub(super) fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Of a change: missing leaves a thing as it is; null takes it away, as an empty text does.
pub(super) fn change<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Some(Option::<String>::deserialize(deserializer)?.unwrap_or_default()))
}

/// A server to be added. Without `fingerprint` it is recorded and not contacted: the first contact pins the key that it shows. Which one
/// that is, `POST /api/host-key` tells before.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateServer {
    /// 1 to 100 of `[A-Za-z0-9._-]`, the first one alphanumeric
    pub name: String,
    /// Host name, address, or an alias of the SSH configuration of infrakt's host
    pub host: String,
    /// Default: the SSH configuration, else `root`
    #[serde(default, deserialize_with = "filled")]
    pub user: Option<String>,
    /// Default: the SSH configuration, else 22
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1)]
    pub port: Option<u16>,
    /// The private key's file on infrakt's host, absolute or beginning with `~/`; default: the agent, then the usual files
    #[serde(default, deserialize_with = "filled")]
    pub ssh_key_path: Option<String>,
    #[serde(default, deserialize_with = "filled")]
    pub provider: Option<String>,
    /// The host key must have this one (`SHA256:…`): infrakt logs in before it records the server, and pins the key
    #[serde(default, deserialize_with = "filled")]
    pub fingerprint: Option<String>,
}

impl Input for CreateServer {
    const FIELDS: Option<&'static [&'static str]> =
        Some(&["name", "host", "user", "port", "ssh_key_path", "provider", "fingerprint"]);
}

impl From<CreateServer> for AddServer {
    fn from(server: CreateServer) -> Self {
        AddServer {
            name: server.name,
            host: server.host,
            user: server.user,
            port: server.port,
            key_path: server.ssh_key_path,
            provider: server.provider,
        }
    }
}

/// A server to be added, as far as its host key and what can be wrong with it go: see `CreateServer`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookAtServer {
    pub name: String,
    pub host: String,
    #[serde(default, deserialize_with = "filled")]
    pub user: Option<String>,
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1)]
    pub port: Option<u16>,
    #[serde(default, deserialize_with = "filled")]
    pub ssh_key_path: Option<String>,
}

impl Input for LookAtServer {}

impl From<LookAtServer> for AddServer {
    fn from(server: LookAtServer) -> Self {
        AddServer {
            name: server.name,
            host: server.host,
            user: server.user,
            port: server.port,
            key_path: server.ssh_key_path,
            provider: None,
        }
    }
}

/// What is to change of a server. What is missing stays; null or an empty text takes key or provider away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeServer {
    /// Another name: jobs that have not ended go by it, and so do apps
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub host: Option<String>,
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1)]
    pub port: Option<u16>,
    #[serde(default, deserialize_with = "change")]
    pub ssh_key_path: Option<String>,
    #[serde(default, deserialize_with = "change")]
    pub provider: Option<String>,
    /// Record it without trying the new way
    #[serde(default)]
    pub offline: bool,
}

impl Input for ChangeServer {}

impl From<ChangeServer> for EditServer {
    fn from(server: ChangeServer) -> Self {
        EditServer {
            name: server.name,
            host: server.host,
            user: server.user,
            port: server.port,
            key_path: server.ssh_key_path,
            provider: server.provider,
        }
    }
}

/// How a server is to be set up.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct Provision {
    /// Upgrade what is installed as well
    #[serde(default)]
    pub upgrade: bool,
    /// Where Docker and Caddy come from: `auto`, `vendor` or `distro`
    #[serde(default)]
    #[schema(value_type = Option<String>, default = "auto")]
    pub packages: Option<Packages>,
}

impl Input for Provision {
    const FIELDS: Option<&'static [&'static str]> = Some(&["upgrade", "packages"]);
}

impl From<Provision> for ProvisionOptions {
    fn from(provision: Provision) -> Self {
        ProvisionOptions { upgrade: provision.upgrade, packages: provision.packages.unwrap_or(Packages::Auto) }
    }
}

/// Which host key is to be pinned.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// Of the key that the server shows now (`SHA256:…`), as a person has compared it
    pub fingerprint: String,
}

impl Input for Trust {}

/// The answer to a job that asks.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// `done` (the step in question counts as done), `rerun` (attach to it, or run it again) or `fail` (clean up, and fail the job)
    #[schema(value_type = String)]
    pub resolution: Resolution,
}

impl Input for Resolve {}

/// Where a domain is to lead: to an app or to a port of the server, one of them.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CreateRoute {
    /// Optional `http://` and `*.` in front; at most 253 characters
    pub domain: String,
    pub server_name: String,
    /// On the server's loopback
    #[serde(default, deserialize_with = "number_or_none")]
    #[schema(minimum = 1)]
    pub port: Option<u16>,
    /// An app of that server
    #[serde(default, deserialize_with = "filled")]
    pub app_name: Option<String>,
    /// Take the domain over from a block that somebody else wrote
    #[serde(default)]
    pub adopt: bool,
}

impl Input for CreateRoute {
    const FIELDS: Option<&'static [&'static str]> = Some(&["domain", "server_name", "port", "app_name", "adopt"]);
}

impl CreateRoute {
    /// None: neither or both were said.
    pub fn leads_to(&self) -> Option<LeadsTo> {
        match (&self.app_name, self.port) {
            (Some(app), None) => Some(LeadsTo::App(app.clone())),
            (None, Some(port)) => Some(LeadsTo::Port(port)),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }
}
