//! Routes of servers: domains that lead to an app or to a port, and the state of the proxy that serves them.

use super::app_work::not_being_destroyed;
use super::apps::{self, AppRef};
use super::jobs::EnqueuedView;
use super::servers;
use super::{Service, ServiceError};
use crate::domain::name;
use crate::domain::route::{ProxyArgs, RouteChange, RouteTarget, WantedRoute};
use crate::ops::reads;
pub use crate::ops::reads::proxy::{Block, RouteState, RouteThere};
use crate::queue;
use crate::queue::enqueue::Enqueued;
use crate::render::caddyfile;
use crate::store::{apps as app_rows, jobs, routes};
use serde::Serialize;
use serde_json::Value;

/// Where a domain is to lead, as a person says it.
#[derive(Clone, Debug)]
pub enum LeadsTo {
    /// By its name on that server, or as SERVER/NAME.
    App(String),
    Port(u16),
}

/// A route as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteView {
    pub domain: String,
    pub url: String,
    pub server_name: String,
    /// None: it leads to a bare port.
    pub app_name: Option<String>,
    /// On the server's loopback; none before the first deploy of its app.
    pub port: Option<u16>,
}

/// A server's proxy, fresh.
#[derive(Clone, Debug, Serialize)]
pub struct ProxyStatus {
    pub server_name: String,
    #[serde(flatten)]
    pub proxy: reads::proxy::Proxy,
}

impl ProxyStatus {
    /// Whether what is there is what the home says.
    pub fn agrees(&self) -> bool {
        let good = |state| matches!(state, RouteState::InPlace | RouteState::Waiting);
        self.proxy.stale.is_empty() && self.proxy.routes.iter().all(|route| good(route.state))
    }
}

impl Service {
    /// All of a server's routes, in the order in which they were made.
    pub fn routes(&self, server: &str) -> Result<Vec<RouteView>, ServiceError> {
        self.db().read(|conn| {
            let server = servers::find(conn, server)?;
            let routes = queue::routes::of_server(conn, server.id)?.into_iter();
            Ok(routes.map(|route| view(&server.name, route)).collect())
        })
    }

    /// Leads a domain to an app or a port; with `adopt` also where a block that somebody else wrote has it.
    pub fn add_route(
        &self,
        server: &str,
        domain: &str,
        to: &LeadsTo,
        adopt: bool,
        by: &str,
    ) -> Result<EnqueuedView, ServiceError> {
        let domain = domain.to_ascii_lowercase();
        name::check_domain(&domain)?;
        if matches!(to, LeadsTo::Port(0)) {
            return Err(servers::invalid("port 0 is none"));
        }
        let now = self.now_ms();
        let view = self.db().write(|conn| {
            let server = servers::find(conn, server)?;
            let (after, what) = match to {
                LeadsTo::Port(port) => (RouteTarget::Port(*port), format!("port {port}")),
                LeadsTo::App(name) => {
                    let app = apps::find_plain(conn, &AppRef::parse(name, Some(&server.name))?)?;
                    not_being_destroyed(conn, &app)?;
                    if adopt && app.current_deployment_id.is_none() {
                        // Whoever serves the domain now would be cut off for nothing.
                        return Err(ServiceError::Refused {
                            code: "not_deployed",
                            text: format!("{} was never deployed: nothing could serve {domain} yet", app.name),
                            hint: Some("deploy it without that domain first, then adopt the domain".into()),
                        });
                    }
                    (RouteTarget::App(app.id), app.name)
                }
            };
            let before = routes::find(conn, server.id, &domain)?.and_then(|route| route.target());
            if let Some(there) = before.filter(|there| !may_change(*there, after)) {
                let owner = match there {
                    RouteTarget::App(id) => app_rows::find(conn, id)?.map(|app| app.name),
                    RouteTarget::Port(_) => None,
                };
                return Err(ServiceError::DomainTaken { domain: domain.clone(), server: server.name, owner });
            }
            let change = RouteChange { domain: domain.clone(), before, after: Some(after), adopt };
            let args = ProxyArgs { changes: vec![change], ..ProxyArgs::default() };
            let done = queue::routes::ask(conn, now, (server.id, &server.name), &args, by)?;
            let view = enqueued(&done, &format!("the route from {domain} to {what}"));
            self.keep_answer(conn, now, &view)?;
            Ok::<_, ServiceError>(view)
        })?;
        self.ring();
        Ok(view)
    }

    /// Takes a route away.
    pub fn remove_route(&self, server: &str, domain: &str, by: &str) -> Result<EnqueuedView, ServiceError> {
        let domain = domain.to_ascii_lowercase();
        name::check_domain(&domain)?;
        let now = self.now_ms();
        let done = self.db().write(|conn| {
            let server = servers::find(conn, server)?;
            let Some(before) = routes::find(conn, server.id, &domain)?.and_then(|route| route.target()) else {
                let all = routes::of_server(conn, server.id)?;
                let near = super::error::nearest(&domain, all.iter().map(|route| route.domain.as_str()));
                return Err(ServiceError::NoRoute { domain: domain.clone(), server: server.name, near });
            };
            let change = RouteChange { domain: domain.clone(), before: Some(before), after: None, adopt: false };
            let args = ProxyArgs { changes: vec![change], ..ProxyArgs::default() };
            let done = queue::routes::ask(conn, now, (server.id, &server.name), &args, by)?;
            let view = enqueued(&done, &format!("the removal of {domain}"));
            self.keep_answer(conn, now, &view)?;
            Ok(view)
        })?;
        self.ring();
        Ok(done)
    }

    /// Makes the managed file and its import where they are missing, and writes this home's routes.
    pub fn set_up_proxy(&self, server: &str, by: &str) -> Result<EnqueuedView, ServiceError> {
        self.ask_proxy(server, &ProxyArgs { setup: true, ..ProxyArgs::default() }, "the set-up of the proxy", by)
    }

    /// Writes this home's routes and has caddy read its files.
    pub fn reload_proxy(&self, server: &str, by: &str) -> Result<EnqueuedView, ServiceError> {
        self.ask_proxy(server, &ProxyArgs { reload: true, ..ProxyArgs::default() }, "the reload of the proxy", by)
    }

    fn ask_proxy(&self, server: &str, args: &ProxyArgs, what: &str, by: &str) -> Result<EnqueuedView, ServiceError> {
        let now = self.now_ms();
        let done = self.db().write(|conn| {
            let server = servers::find(conn, server)?;
            let view = enqueued(&queue::routes::ask(conn, now, (server.id, &server.name), args, by)?, what);
            self.keep_answer(conn, now, &view)?;
            Ok::<_, ServiceError>(view)
        })?;
        self.ring();
        Ok(done)
    }

    /// What a job that has ended says of one domain it was asked for: why the server keeps it for somebody else.
    pub fn route_refusal(&self, job_id: i64, domain: &str) -> Result<Option<String>, ServiceError> {
        let job = self.db().read(|conn| jobs::find(conn, job_id))?.ok_or(ServiceError::NoJob { id: job_id })?;
        let result: Value = job.result.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        Ok(result["refused"][domain.to_ascii_lowercase()].as_str().map(str::to_owned))
    }

    /// The server's own words, over a connection of its own: never behind a running deploy.
    pub async fn proxy_status(&self, server: &str) -> Result<ProxyStatus, ServiceError> {
        let (server, wanted) = self.db().read(|conn| {
            let server = servers::find(conn, server)?;
            let wanted = queue::routes::of_server(conn, server.id)?;
            Ok::<_, ServiceError>((server, wanted))
        })?;
        let text = self.read_from(&server, &reads::proxy::read()).await?;
        let found = reads::proxy::parse(&text)?;
        let proxy = reads::proxy::compare(&self.installation()?, &wanted, &found);
        Ok(ProxyStatus { server_name: server.name, proxy })
    }
}

/// A bare port makes way for anything; what is an app's is taken away from it first.
fn may_change(there: RouteTarget, after: RouteTarget) -> bool {
    match there {
        RouteTarget::Port(_) => true,
        RouteTarget::App(_) => there == after,
    }
}

fn view(server: &str, route: WantedRoute) -> RouteView {
    RouteView {
        url: caddyfile::url(&route.domain),
        server_name: server.to_owned(),
        app_name: route.app,
        port: route.port,
        domain: route.domain,
    }
}

fn enqueued(done: &Enqueued, what: &str) -> EnqueuedView {
    let job = done.job();
    let message = match done {
        Enqueued::Joined(_) => format!("{what} goes with job {}, which waits already", job.id),
        Enqueued::Created(_) | Enqueued::Replaced { .. } => format!("{what} is job {}", job.id),
    };
    EnqueuedView { job_id: job.id, deployment_id: None, message, in_place_of: None }
}
