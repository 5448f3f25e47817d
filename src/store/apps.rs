//! Apps: the first release's table, what lies beside it, and their domains.

use super::conn::Conn;
use super::error::StoreError;
use super::first_release;
use super::page::Page;
use super::routes;
use super::sql::{self, from_row, values};
use super::text_time;
use crate::domain::app::{App, AppStatus, NewApp, Resources, Source};
use crate::domain::name::compose_project;

/// Domains in one text, parted by blanks (a domain has none), the first one first.
const SELECT: &str = "SELECT a.id, a.name, a.server_id, s.name AS server_name, a.domain, a.port, a.git_repo, a.branch, a.image,
    a.status, a.app_type, a.created_at, a.updated_at, x.compose_project, x.service, x.compose, x.health_path, x.health_timeout_s,
    x.memory, x.cpus, x.publish, x.git_login_sealed, x.current_deployment_id,
    (SELECT group_concat(domain, ' ') FROM (SELECT r.domain FROM route r WHERE r.app_id = a.id ORDER BY r.id)) AS domains
    FROM apps a JOIN servers s ON s.id = a.server_id LEFT JOIN app_ext x ON x.app_id = a.id";

from_row!(App, |row| {
    let name = sql::text(row, "name")?;
    let first = first_release::domains(sql::opt_text(row, "domain")?.as_deref());
    let routed = sql::opt_text(row, "domains")?.unwrap_or_default();
    let mut domains: Vec<String> = first.text().into_iter().collect();
    for domain in routed.split(' ').filter(|d| !d.is_empty()) {
        if !domains.iter().any(|d| d == domain) {
            domains.push(domain.to_owned());
        }
    }
    let git_repo = sql::opt_text(row, "git_repo")?.filter(|url| !url.is_empty());
    let image = sql::opt_text(row, "image")?.filter(|image| !image.is_empty());
    let source = match (git_repo, image) {
        (Some(url), _) => Source::Git {
            url,
            branch: sql::text(row, "branch")?,
            commit: None,
            login: sql::opt_text(row, "git_login_sealed")?,
        },
        (None, Some(image)) => Source::Image { image },
        (None, None) => Source::Compose,
    };
    App {
        id: sql::int(row, "id")?,
        server_id: sql::int(row, "server_id")?,
        server_name: sql::text(row, "server_name")?,
        domains,
        source,
        resources: Resources {
            port: sql::port(row, "port")?,
            service: sql::opt_text(row, "service")?,
            health_path: sql::opt_text(row, "health_path")?,
            health_timeout_s: sql::opt(row, "health_timeout_s")?,
            memory: sql::opt_text(row, "memory")?,
            cpus: sql::opt_text(row, "cpus")?,
            publish: sql::opt_text(row, "publish")?,
        },
        compose: sql::opt_text(row, "compose")?,
        compose_project: sql::opt_text(row, "compose_project")?.unwrap_or_else(|| compose_project(&name)),
        status: sql::parsed(row, "status")?,
        app_type: sql::text(row, "app_type")?,
        current_deployment_id: sql::opt(row, "current_deployment_id")?,
        created_at: text_time::parse(&sql::text(row, "created_at")?)?,
        updated_at: text_time::parse(&sql::text(row, "updated_at")?)?,
        name,
    }
});

/// The columns of a source: repository, branch, image.
fn columns(source: &Source) -> (Option<&str>, &str, Option<&str>) {
    match source {
        Source::Git { url, branch, commit: _, login: _ } => (Some(url), branch, None),
        Source::Image { image } => (None, "main", Some(image)),
        Source::Compose => (None, "main", None),
    }
}

/// Records an app as stopped, with its domains. [`StoreError::Exists`] where the name or a domain is taken on that server
/// (`apps.name…`, `route.…`).
pub fn insert(conn: &mut Conn, now: i64, new: &NewApp) -> Result<i64, StoreError> {
    let time = text_time::seconds(now);
    let (git_repo, branch, image) = columns(&new.source);
    let id = sql::number(
        conn,
        "INSERT INTO apps(name, server_id, domain, port, git_repo, branch, image, status, app_type, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10) RETURNING id AS n",
        values![
            &new.name,
            new.server_id,
            new.domains.first().map(String::as_str),
            new.resources.port,
            git_repo,
            branch,
            image,
            AppStatus::Stopped.as_str(),
            new.source.app_type(),
            &time
        ],
    )?
    .unwrap_or_default();
    sql::execute(
        conn,
        "INSERT INTO app_ext(app_id, compose_project) VALUES (?1, ?2)",
        values![id, &compose_project(&new.name)],
    )?;
    set_ext(conn, id, &new.source, &new.resources, new.compose.as_deref())?;
    routes::replace_of_app(conn, new.server_id, id, &new.domains)?;
    Ok(id)
}

fn set_ext(
    conn: &mut Conn,
    id: i64,
    source: &Source,
    resources: &Resources,
    compose: Option<&str>,
) -> Result<(), StoreError> {
    let login = match source {
        Source::Git { login, .. } => login.as_deref(),
        Source::Image { .. } | Source::Compose => None,
    };
    sql::execute(
        conn,
        "UPDATE app_ext SET service = ?2, compose = ?3, health_path = ?4, health_timeout_s = ?5, memory = ?6, cpus = ?7, publish = ?8,
             git_login_sealed = ?9
         WHERE app_id = ?1",
        values![
            id,
            &resources.service,
            compose,
            &resources.health_path,
            resources.health_timeout_s,
            &resources.memory,
            &resources.cpus,
            &resources.publish,
            login
        ],
    )?;
    Ok(())
}

pub fn find(conn: &mut Conn, id: i64) -> Result<Option<App>, StoreError> {
    sql::row(conn, &format!("{SELECT} WHERE a.id = ?1"), values![id])
}

/// All of that name, on whichever server; at most one for each.
pub fn find_by_name(conn: &mut Conn, name: &str) -> Result<Vec<App>, StoreError> {
    sql::rows(conn, &format!("{SELECT} WHERE a.name = ?1 ORDER BY s.name"), values![name])
}

pub fn find_on_server(conn: &mut Conn, server_id: i64, name: &str) -> Result<Option<App>, StoreError> {
    sql::row(conn, &format!("{SELECT} WHERE a.server_id = ?1 AND a.name = ?2"), values![server_id, name])
}

/// Which apps a list holds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    pub server_id: Option<i64>,
    /// Only databases, or only what is none.
    pub databases: Option<bool>,
}

/// By id, upwards.
pub fn list(conn: &mut Conn, filter: Filter, page: Page) -> Result<Vec<App>, StoreError> {
    let mut text = format!("{SELECT} WHERE a.id > ?1");
    text.push_str(&conditions(filter, "?3"));
    text.push_str(" ORDER BY a.id LIMIT ?2");
    sql::rows(conn, &text, values![page.above(), page.limit, filter.server_id])
}

/// By name, for pages: the servers' names and then the apps', upwards. `after`: server and name of the last one before.
pub fn list_by_name(
    conn: &mut Conn,
    filter: Filter,
    after: Option<(&str, &str)>,
    limit: i64,
) -> Result<Vec<App>, StoreError> {
    by_name(conn, filter, ("s.name", "a.name"), after, limit)
}

/// By name, for pages: the names and then those of the servers, upwards. `after`: name and server of the last one before.
pub fn list_by_own_name(
    conn: &mut Conn,
    filter: Filter,
    after: Option<(&str, &str)>,
    limit: i64,
) -> Result<Vec<App>, StoreError> {
    by_name(conn, filter, ("a.name", "s.name"), after, limit)
}

/// The page's ids are found first, by names alone: what lies beside a row is read for the page only.
fn by_name(
    conn: &mut Conn,
    filter: Filter,
    (first, second): (&str, &str),
    after: Option<(&str, &str)>,
    limit: i64,
) -> Result<Vec<App>, StoreError> {
    // A cross join is run as it is written: from what goes first in the order, until the page is full.
    let tables = if first == "s.name" { "servers s CROSS JOIN apps a" } else { "apps a CROSS JOIN servers s" };
    let mut inner = format!("SELECT a.id FROM {tables} WHERE s.id = a.server_id");
    if after.is_some() {
        inner.push_str(&format!(" AND {first} >= ?1 AND ({first}, {second}) > (?1, ?2)"));
    }
    inner.push_str(&conditions(filter, "?3"));
    let text =
        format!("{SELECT} WHERE a.id IN ({inner} ORDER BY {first}, {second} LIMIT ?4) ORDER BY {first}, {second}");
    let (one, two) = (after.map(|after| after.0), after.map(|after| after.1));
    sql::rows(conn, &text, values![one, two, filter.server_id, limit])
}

fn conditions(filter: Filter, server: &str) -> String {
    let mut text = String::new();
    if filter.server_id.is_some() {
        text.push_str(&format!(" AND a.server_id = {server}"));
    }
    match filter.databases {
        Some(true) => text.push_str(" AND a.app_type LIKE 'db:%'"),
        Some(false) => text.push_str(" AND a.app_type NOT LIKE 'db:%'"),
        None => {}
    }
    text
}

/// How many there are, with this status if one is given.
pub fn count(conn: &mut Conn, databases: bool, status: Option<AppStatus>) -> Result<i64, StoreError> {
    let kind = if databases { "app_type LIKE 'db:%'" } else { "app_type NOT LIKE 'db:%'" };
    let text = format!("SELECT count(*) AS n FROM apps WHERE {kind} AND (?1 IS NULL OR status = ?1)");
    Ok(sql::number(conn, &text, values![status.map(AppStatus::as_str)])?.unwrap_or_default())
}

/// Replaces what a person may edit: source, resources, compose text and domains; not name, server or status. False: no such app.
pub fn update(conn: &mut Conn, now: i64, app: &App) -> Result<bool, StoreError> {
    let (git_repo, branch, image) = columns(&app.source);
    let app_type = if app.is_database() { app.app_type.as_str() } else { app.source.app_type() };
    let touched = sql::execute(
        conn,
        "UPDATE apps SET domain = ?2, port = coalesce(nullif(?3, 0), port), git_repo = ?4, branch = ?5, image = ?6, app_type = ?7, updated_at = ?8 WHERE id = ?1",
        values![
            app.id,
            app.domains.first().map(String::as_str),
            app.resources.port,
            git_repo,
            branch,
            image,
            app_type,
            &text_time::seconds(now)
        ],
    )?;
    if touched == 0 {
        return Ok(false);
    }
    // An app that the first release's program has written has no row beside it yet.
    insert_ext(conn, app)?;
    set_ext(conn, app.id, &app.source, &app.resources, app.compose.as_deref())?;
    routes::replace_of_app(conn, app.server_id, app.id, &app.domains)?;
    Ok(true)
}

/// Gives an app that the first release's program has written what it lacks beside its row. [`StoreError::Exists`] where a domain belongs
/// to something else on that server.
pub fn complete(conn: &mut Conn, app: &App) -> Result<(), StoreError> {
    insert_ext(conn, app)?;
    if routes::of_app(conn, app.id)?.is_empty() {
        routes::replace_of_app(conn, app.server_id, app.id, &app.domains)?;
    }
    Ok(())
}

fn insert_ext(conn: &mut Conn, app: &App) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO app_ext(app_id, compose_project) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        values![app.id, &app.compose_project],
    )?;
    Ok(())
}

pub fn set_status(conn: &mut Conn, now: i64, id: i64, status: AppStatus) -> Result<bool, StoreError> {
    let touched = sql::execute(
        conn,
        "UPDATE apps SET status = ?2, updated_at = ?3 WHERE id = ?1",
        values![id, status.as_str(), &text_time::seconds(now)],
    )?;
    Ok(touched == 1)
}

/// What serves: the release of this deployment.
pub fn set_current_deployment(conn: &mut Conn, id: i64, deployment_id: i64) -> Result<(), StoreError> {
    sql::execute(conn, "UPDATE app_ext SET current_deployment_id = ?2 WHERE app_id = ?1", values![id, deployment_id])?;
    Ok(())
}

/// Forgets an app: its row, what lies beside it, its domains, ports and deployments with their snapshots. Jobs stay as a record,
/// without the environments that some of them carried.
pub fn delete(conn: &mut Conn, id: i64) -> Result<bool, StoreError> {
    sql::execute(conn, "UPDATE job SET args = '{}' WHERE app_id = ?1 AND kind = 'env_push'", values![id])?;
    sql::execute(conn, "DELETE FROM route WHERE app_id = ?1", values![id])?;
    sql::execute(conn, "DELETE FROM host_port WHERE app_id = ?1", values![id])?;
    sql::execute(conn, "DELETE FROM deployments WHERE app_id = ?1", values![id])?;
    Ok(sql::execute(conn, "DELETE FROM apps WHERE id = ?1", values![id])? == 1)
}
