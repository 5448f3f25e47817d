//! Routes: domain → app, or domain → port of the server. A domain is there once per server.

use super::conn::Conn;
use super::error::StoreError;
use super::first_release::{self, Domains};
use super::sql::{self, from_row, values};
use crate::domain::name::check_domain;
use crate::domain::route::RouteTarget;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub id: i64,
    pub server_id: i64,
    pub domain: String,
    /// None: the route leads to `port`.
    pub app_id: Option<i64>,
    pub port: Option<u16>,
}

impl Route {
    /// Where it leads; none for a row that says nothing.
    pub fn target(&self) -> Option<RouteTarget> {
        self.app_id.map(RouteTarget::App).or(self.port.map(RouteTarget::Port))
    }
}

from_row!(Route, |row| Route {
    id: sql::int(row, "id")?,
    server_id: sql::int(row, "server_id")?,
    domain: sql::text(row, "domain")?,
    app_id: sql::opt(row, "app_id")?,
    port: sql::opt(row, "port")?,
});

pub fn of_server(conn: &mut Conn, server_id: i64) -> Result<Vec<Route>, StoreError> {
    sql::rows(conn, "SELECT * FROM route WHERE server_id = ?1 ORDER BY id", values![server_id])
}

pub fn of_app(conn: &mut Conn, app_id: i64) -> Result<Vec<Route>, StoreError> {
    sql::rows(conn, "SELECT * FROM route WHERE app_id = ?1 ORDER BY id", values![app_id])
}

pub fn find(conn: &mut Conn, server_id: i64, domain: &str) -> Result<Option<Route>, StoreError> {
    sql::row(conn, "SELECT * FROM route WHERE server_id = ?1 AND domain = ?2", values![server_id, domain])
}

/// [`StoreError::Exists`] where the domain is taken on that server.
pub fn insert(
    conn: &mut Conn,
    server_id: i64,
    domain: &str,
    app_id: Option<i64>,
    port: Option<u16>,
) -> Result<i64, StoreError> {
    let id = sql::number(
        conn,
        "INSERT INTO route(server_id, domain, app_id, port) VALUES (?1, ?2, ?3, ?4) RETURNING id AS n",
        values![server_id, domain, app_id, port],
    )?;
    Ok(id.unwrap_or_default())
}

pub fn delete(conn: &mut Conn, server_id: i64, domain: &str) -> Result<bool, StoreError> {
    let touched =
        sql::execute(conn, "DELETE FROM route WHERE server_id = ?1 AND domain = ?2", values![server_id, domain])?;
    Ok(touched == 1)
}

/// The domain leads there from now on, or nowhere. What an app calls its first domain follows.
pub(crate) fn set(
    conn: &mut Conn,
    server_id: i64,
    domain: &str,
    target: Option<RouteTarget>,
) -> Result<(), StoreError> {
    let before = find(conn, server_id, domain)?.and_then(|route| route.app_id);
    let (app_id, port) = match target {
        Some(RouteTarget::App(id)) => (Some(id), None),
        Some(RouteTarget::Port(port)) => (None, Some(port)),
        None => (None, None),
    };
    if target.is_some() {
        sql::execute(
            conn,
            "INSERT INTO route(server_id, domain, app_id, port) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (server_id, domain) DO UPDATE SET app_id = excluded.app_id, port = excluded.port",
            values![server_id, domain, app_id, port],
        )?;
    } else {
        delete(conn, server_id, domain)?;
    }
    for app in [before, app_id].into_iter().flatten() {
        name_first(conn, app, domain, app_id == Some(app))?;
    }
    Ok(())
}

/// What an app calls its first domain, now that `changed` leads to it or no longer does: another one only where it had none, or where
/// that one is gone. What the first release wrote there otherwise, a domain or not, stays for a person to change.
fn name_first(conn: &mut Conn, app_id: i64, changed: &str, leads_here: bool) -> Result<(), StoreError> {
    let first = sql::word(conn, "SELECT domain AS t FROM apps WHERE id = ?1", values![app_id])?;
    let stays = match first_release::domains(first.as_deref()) {
        Domains::None => false,
        first => leads_here || first.routed() != Some(changed),
    };
    if !stays {
        sql::execute(
            conn,
            "UPDATE apps SET domain = (SELECT domain FROM route WHERE app_id = ?1 ORDER BY id LIMIT 1) WHERE id = ?1",
            values![app_id],
        )?;
    }
    Ok(())
}

/// The app's domains are these, in this order; what the first release holds for one and is none leads nowhere. [`StoreError::Exists`] where one belongs to something else on that server.
pub(crate) fn replace_of_app(
    conn: &mut Conn,
    server_id: i64,
    app_id: i64,
    domains: &[String],
) -> Result<(), StoreError> {
    sql::execute(conn, "DELETE FROM route WHERE app_id = ?1", values![app_id])?;
    for domain in domains.iter().filter(|domain| check_domain(domain).is_ok()) {
        insert(conn, server_id, domain, Some(app_id), None)?;
    }
    Ok(())
}
