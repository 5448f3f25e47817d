//! What lies beside the first release's tables here, filled from what they say; and what hangs in them, ended.

use super::TakeOver;
use super::tables::Schema;
use crate::domain::name;
use crate::store::conn::Conn;
use crate::store::error::StoreError;
use crate::store::first_release::{self, Domains};
use crate::store::sql::{self, from_row, values};
use crate::store::{deployments, text_time};

/// Where the newest of the first releases keeps sealed values.
const SEALED: [(&str, &str); 3] = [
    ("apps", "db_password_encrypted"),
    ("github_integrations", "token_encrypted"),
    ("s3_configs", "secret_key_encrypted"),
];

/// Sealed values, to tell the right master key from a wrong one.
pub(super) fn sealed_values(conn: &mut Conn, schema: &Schema) -> Result<Vec<String>, StoreError> {
    struct Token(String);
    from_row!(Token, |row| Token(sql::text(row, "token")?));
    let mut all = Vec::new();
    for (table, column) in SEALED.into_iter().filter(|(table, column)| schema.has(table, column)) {
        let text = format!("SELECT {column} AS token FROM {table} WHERE {column} LIKE 'gAAAA%'");
        all.extend(sql::rows::<Token>(conn, &text, &[])?.into_iter().map(|token| token.0));
    }
    Ok(all)
}

/// How many deployments were in progress with nobody to end them.
pub(super) fn fill(conn: &mut Conn, order: &TakeOver<'_>, schema: &Schema) -> Result<usize, StoreError> {
    sql::batch(conn, "INSERT INTO server_ext(server_id) SELECT id FROM servers")?;
    let apps = apps(conn, schema)?;
    for app in &apps {
        beside(conn, app, &project(app, &apps, schema))?;
    }
    // Nothing kept two apps of a server from the same domain: it is the one's that runs, then the older one's.
    let (running, others): (Vec<&App>, Vec<&App>) = apps.iter().partition(|app| app.status == "running");
    for app in running.into_iter().chain(others) {
        if let Some(domain) = first_release::domains(app.domain.as_deref()).routed() {
            sql::execute(
                conn,
                "INSERT INTO route(server_id, domain, app_id) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                values![app.server_id, domain, app.id],
            )?;
        }
    }
    if schema.has("deployments", "commit_message") && schema.has("deployments", "image_used") {
        sql::batch(
            conn,
            "INSERT INTO deployment_ext(deployment_id, commit_subject, images)
             SELECT d.id, nullif(d.commit_message, ''),
                 CASE WHEN d.image_used IS NULL OR d.image_used = '' THEN NULL ELSE json_object(a.name, d.image_used) END
             FROM deployments d JOIN apps a ON a.id = d.app_id
             WHERE coalesce(d.commit_message, '') <> '' OR coalesce(d.image_used, '') <> ''",
        )?;
    }
    end_what_hangs(conn, order)
}

/// An app as the first release keeps it; what only its newest version has is `None` elsewhere.
struct App {
    id: i64,
    server_id: i64,
    name: String,
    domain: Option<String>,
    status: String,
    memory: Option<String>,
    cpus: Option<String>,
    health: Option<String>,
    password: Option<String>,
}

from_row!(App, |row| App {
    id: sql::int(row, "id")?,
    server_id: sql::int(row, "server_id")?,
    name: sql::text(row, "name")?,
    domain: sql::opt_text(row, "domain")?,
    status: sql::text(row, "status")?,
    memory: sql::opt_text(row, "memory")?,
    cpus: sql::opt_text(row, "cpus")?,
    health: sql::opt_text(row, "health")?,
    password: sql::opt_text(row, "password")?,
});

fn apps(conn: &mut Conn, schema: &Schema) -> Result<Vec<App>, StoreError> {
    let or_null = |column: &str| if schema.has("apps", column) { column.to_owned() } else { "NULL".to_owned() };
    let text = format!(
        "SELECT id, server_id, name, domain, status, {} AS memory, {} AS cpus, {} AS health, {} AS password FROM apps ORDER BY id",
        or_null("memory_limit"),
        or_null("cpu_limit"),
        or_null("health_check_url"),
        or_null("db_password_encrypted"),
    );
    sql::rows(conn, &text, &[])
}

fn beside(conn: &mut Conn, app: &App, project: &str) -> Result<(), StoreError> {
    let good = |value: &Option<String>, check: fn(&str) -> Result<(), name::BadName>| {
        value.as_deref().map(str::trim).filter(|value| check(value).is_ok()).map(str::to_owned)
    };
    let service = match first_release::domains(app.domain.as_deref()) {
        Domains::OfService { service, .. } => Some(service),
        _ => None,
    };
    let health = first_release::health_path(app.health.as_deref());
    sql::execute(
        conn,
        "INSERT INTO app_ext(app_id, compose_project, service, health_path, memory, cpus, password_sealed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        values![
            app.id,
            project,
            &service.filter(|service| name::check_name("service", service).is_ok()),
            &good(&health, name::check_health_path),
            &good(&app.memory, name::check_memory),
            &good(&app.cpus, name::check_cpus),
            &app.password
        ],
    )?;
    Ok(())
}

/// The compose project that the app has on its server: a volume is named after it. Where it is not the app's alone, the app gets one
/// that is, and its next deployment brings the volumes along.
fn project(app: &App, all: &[App], schema: &Schema) -> String {
    // The newest of the first releases names it itself, by the rule that holds here.
    if schema.has("apps", "deploy_strategy") {
        return name::compose_project(&app.name);
    }
    let folders = first_release::folder_project(&app.name);
    let mut others = all.iter().filter(|other| other.server_id == app.server_id && other.id != app.id);
    let shared = others.any(|other| first_release::folder_project(&other.name) == folders);
    match folders {
        Some(project) if !shared => project,
        _ => name::compose_project(&app.name),
    }
}

/// Nobody will ever end these: the processes that did so belong to the first release.
fn end_what_hangs(conn: &mut Conn, order: &TakeOver<'_>) -> Result<usize, StoreError> {
    let text = format!(
        "interrupted: this deployment was in progress when infrakt {} took the home over, and nobody was left to end it",
        order.version
    );
    let time = text_time::microseconds(order.now);
    let orphans = deployments::orphans(conn)?;
    for id in &orphans {
        sql::execute(
            conn,
            "UPDATE deployments SET status = 'failed', finished_at = ?2,
                 log = CASE WHEN coalesce(log, '') = '' THEN ?3 ELSE log || char(10) || ?3 END WHERE id = ?1",
            values![*id, &time, &text],
        )?;
    }
    // Words that are none are hands' work: they are read as the nearest that says nothing good.
    sql::batch(
        conn,
        "UPDATE apps SET status = 'error' WHERE status NOT IN ('stopped', 'running', 'error');
         UPDATE servers SET status = 'inactive' WHERE status NOT IN ('inactive', 'active');
         UPDATE deployments SET status = 'failed' WHERE status NOT IN ('success', 'failed', 'cancelled')",
    )?;
    Ok(orphans.len())
}
