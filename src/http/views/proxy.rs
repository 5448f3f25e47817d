//! Routes and the proxy on the wire.

use super::server::Part;
use crate::service::{proxy, servers};
use serde::Serialize;
use utoipa::ToSchema;

/// A domain and where it leads.
#[derive(Debug, Serialize, ToSchema)]
pub struct Route {
    pub domain: String,
    /// On the server's loopback; null before the first deploy of its app.
    #[schema(required)]
    pub port: Option<u16>,
    pub url: String,
    pub server_name: String,
    /// Null: it leads to a bare port.
    #[schema(required)]
    pub app_name: Option<String>,
}

impl From<proxy::RouteView> for Route {
    fn from(route: proxy::RouteView) -> Self {
        Self {
            domain: route.domain,
            port: route.port,
            url: route.url,
            server_name: route.server_name,
            app_name: route.app_name,
        }
    }
}

/// A server's proxy, fresh.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProxyStatus {
    /// For people.
    pub status: String,
    pub server_name: String,
    pub caddy: Part,
    /// The managed file is there and the main file imports it.
    pub set_up: bool,
    pub managed_file: bool,
    pub imported: bool,
    /// Whether what is there is what this home says.
    pub agrees: bool,
    pub routes: Vec<RouteThere>,
    /// Blocks of this home that no route stands for.
    pub stale: Vec<Block>,
    /// Blocks that somebody else wrote.
    pub foreign: Vec<Block>,
}

/// How a route of this home stands on its server.
#[derive(Debug, Serialize, ToSchema)]
pub struct RouteThere {
    pub domain: String,
    #[schema(required)]
    pub app: Option<String>,
    #[schema(required)]
    pub port: Option<u16>,
    /// `in_place`, `missing`, `differs` (a block of ours leads elsewhere), `taken` (somebody else's block has the domain) or
    /// `waiting` (it comes with the first deploy of its app).
    pub state: &'static str,
}

/// A block of a Caddyfile.
#[derive(Debug, Serialize, ToSchema)]
pub struct Block {
    pub file: &'static str,
    pub addresses: Vec<String>,
    /// The home that wrote it, where it was an infrakt.
    #[schema(required)]
    pub installation: Option<String>,
    #[schema(required)]
    pub app: Option<String>,
    /// Where it leads, where it is a plain route to this machine.
    #[schema(required)]
    pub port: Option<u16>,
}

impl From<proxy::Block> for Block {
    fn from(block: proxy::Block) -> Self {
        Self {
            file: block.file,
            addresses: block.addresses,
            installation: block.installation,
            app: block.app,
            port: block.port,
        }
    }
}

impl From<proxy::ProxyStatus> for ProxyStatus {
    fn from(said: proxy::ProxyStatus) -> Self {
        let agrees = said.agrees();
        let proxy = said.proxy;
        let route = |route: proxy::RouteThere| RouteThere {
            domain: route.domain,
            app: route.app,
            port: route.port,
            state: word(route.state),
        };
        Self {
            status: sentence(&proxy.caddy, proxy.set_up),
            server_name: said.server_name,
            caddy: proxy.caddy.into(),
            set_up: proxy.set_up,
            managed_file: proxy.managed_file,
            imported: proxy.imported,
            agrees,
            routes: proxy.routes.into_iter().map(route).collect(),
            stale: proxy.stale.into_iter().map(Block::from).collect(),
            foreign: proxy.foreign.into_iter().map(Block::from).collect(),
        }
    }
}

fn word(state: proxy::RouteState) -> &'static str {
    match state {
        proxy::RouteState::InPlace => "in_place",
        proxy::RouteState::Missing => "missing",
        proxy::RouteState::Differs => "differs",
        proxy::RouteState::Taken => "taken",
        proxy::RouteState::Waiting => "waiting",
    }
}

fn sentence(caddy: &servers::Part, set_up: bool) -> String {
    let named = |version: &Option<String>| match version {
        Some(version) => format!("caddy {version}"),
        None => "caddy".to_owned(),
    };
    let caddy = match caddy {
        servers::Part::Missing => return "caddy is not installed".to_owned(),
        servers::Part::Down { version } => format!("{} is not running", named(version)),
        servers::Part::Up { version } => format!("{} is active (running)", named(version)),
    };
    if set_up { caddy } else { format!("{caddy}; the proxy is not set up") }
}
