//! Apps: record, look up, change.

use super::error::nearest;
use super::servers::{self, invalid};
pub use super::sources::SourceRequest;
use super::sources::no_repository;
use super::{NEAR_LIMIT, PAGE, Service, ServiceError, Time, up_to};
use crate::domain::app::{App, NewApp, Resources, Source};
use crate::domain::git_url;
use crate::domain::name;
use crate::render::compose_file;
use crate::store::events::{self, Subject};
use crate::store::{Conn, Page, StoreError, apps, deployments, ports, routes};
use serde::Serialize;
use serde_json::{Value, json};

/// The role under which an app's loopback port is drawn.
const MAIN: &str = "main";

/// The container's port when none is said, as in the first release.
pub const DEFAULT_PORT: u16 = 3000;

/// The health check's time when none is said, and the longest that may be.
pub const MAX_HEALTH_TIMEOUT_S: u32 = 3600;

/// An app as a person names it: `web`, `prod-1/web`, or `web` with `--server prod-1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppRef {
    pub name: String,
    pub server: Option<String>,
}

impl std::fmt::Display for AppRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.server {
            Some(server) => write!(f, "{server}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

impl AppRef {
    /// Names hold no slash, so one tells the server from the app.
    pub fn parse(text: &str, server: Option<&str>) -> Result<Self, ServiceError> {
        match (text.split_once('/'), server) {
            (None, server) => Ok(Self { name: text.to_owned(), server: server.map(str::to_owned) }),
            (Some((own, name)), None) => Ok(Self { name: name.to_owned(), server: Some(own.to_owned()) }),
            (Some((own, name)), Some(server)) if own == server => {
                Ok(Self { name: name.to_owned(), server: Some(own.to_owned()) })
            }
            (Some((own, _)), Some(server)) => {
                Err(invalid(format!("`{text}` is on {own}, and `--server` says {server}")))
            }
        }
    }
}

/// Everything else that an app may have. In an edit, `None` leaves a thing as it is and an empty text takes it away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppSettings {
    pub port: Option<u16>,
    pub domains: Option<Vec<String>>,
    pub service: Option<String>,
    pub publish: Option<String>,
    pub health_path: Option<String>,
    pub health_timeout_s: Option<u32>,
    pub memory: Option<String>,
    pub cpus: Option<String>,
}

#[derive(Clone, Debug)]
pub struct CreateApp {
    pub name: String,
    pub server: String,
    pub source: SourceRequest,
    pub settings: AppSettings,
}

/// An app as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct AppView {
    pub id: i64,
    pub name: String,
    pub server_id: i64,
    pub server_name: String,
    /// The first of `domains`.
    pub domain: Option<String>,
    pub domains: Vec<String>,
    pub port: u16,
    pub git_repo: Option<String>,
    pub branch: String,
    /// Whether a login to the repository is kept.
    pub git_login: bool,
    pub image: Option<String>,
    pub status: String,
    pub app_type: String,
    pub service: Option<String>,
    pub publish: Option<String>,
    pub health_path: Option<String>,
    pub health_timeout_s: Option<u32>,
    pub memory: Option<String>,
    pub cpus: Option<String>,
    pub compose_project: String,
    /// The loopback port on the server, once one was drawn.
    pub host_port: Option<u16>,
    /// The deployment whose release serves.
    pub current_deployment_id: Option<i64>,
    /// Service → image of the release that serves; only where one app is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<Value>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl Service {
    /// By id, upwards. An unknown server is an error, not an empty list.
    pub fn apps(&self, server: Option<&str>, after: Option<i64>) -> Result<Vec<AppView>, ServiceError> {
        self.db().read(|conn| {
            let server_id = server.map(|name| servers::find(conn, name)).transpose()?.map(|server| server.id);
            let filter = apps::Filter { server_id, databases: None };
            apps::list(conn, filter, Page { after, limit: PAGE })?.into_iter().map(|app| view(conn, app)).collect()
        })
    }

    /// Without databases, by the names of server and app; `after`: those of the last one before.
    pub fn apps_by_name(
        &self,
        server: Option<&str>,
        after: Option<(&str, &str)>,
        limit: i64,
    ) -> Result<Vec<AppView>, ServiceError> {
        let limit = limit.clamp(1, PAGE + 1);
        self.db().read(|conn| {
            let server_id = server.map(|name| servers::find(conn, name)).transpose()?.map(|server| server.id);
            let filter = apps::Filter { server_id, databases: Some(false) };
            apps::list_by_name(conn, filter, after, limit)?.into_iter().map(|app| view(conn, app)).collect()
        })
    }

    pub fn app(&self, app: &AppRef) -> Result<AppView, ServiceError> {
        self.db().read(|conn| {
            let app = find(conn, app)?;
            view_with_images(conn, app)
        })
    }

    pub fn create_app(&self, new: CreateApp) -> Result<AppView, ServiceError> {
        name::check_name("name", &new.name)?;
        let (source, compose) = self.source_of(new.source)?;
        let mut resources = Resources { port: DEFAULT_PORT, ..Resources::default() };
        let mut domains = Vec::new();
        apply(&new.settings, &mut resources, &mut domains)?;
        check_compose(compose.as_deref(), &resources)?;
        let now = self.now_ms();
        self.db().write(|conn| {
            let server = servers::find(conn, &new.server)?;
            let row = NewApp {
                name: new.name.clone(),
                server_id: server.id,
                domains: domains.clone(),
                source,
                resources,
                compose,
            };
            check_domains(conn, server.id, &server.name, None, &domains)?;
            let id = apps::insert(conn, now, &row).map_err(|error| exists(error, &new.name, &server.name))?;
            let data = json!({ "what": "created", "name": row.name });
            events::insert(conn, now, "app", Subject::app(id, server.id), &data)?;
            let app = find(conn, &AppRef { name: new.name.clone(), server: Some(server.name) })?;
            view(conn, app)
        })
    }

    /// Changes what the next deployment puts there; what serves stays as it is until then.
    pub fn edit_app(
        &self,
        app: &AppRef,
        source: SourceRequest,
        settings: &AppSettings,
    ) -> Result<AppView, ServiceError> {
        let now = self.now_ms();
        // A branch alone is another branch of the same repository.
        let (other_branch, other_source) = match source {
            SourceRequest { git: None, image: None, compose: None, branch } => (branch, None),
            source => (None, Some(self.source_of(source)?)),
        };
        self.db().write(|conn| {
            let mut app = find_plain(conn, app)?;
            match (&mut app.source, &other_branch) {
                (_, None) => {}
                (Source::Git { branch, .. }, Some(other)) => {
                    name::check_branch(other)?;
                    *branch = other.clone();
                }
                (Source::Image { .. } | Source::Compose, Some(_)) => return Err(no_repository()),
            }
            if let Some(other) = &other_source {
                (app.source, app.compose) = other.clone();
            }
            apply(settings, &mut app.resources, &mut app.domains)?;
            if other_source.is_some() || settings.service.is_some() {
                check_compose(app.compose.as_deref(), &app.resources)?;
            }
            check_domains(conn, app.server_id, &app.server_name, Some(app.id), &app.domains)?;
            apps::update(conn, now, &app)?;
            let data = json!({ "what": "edited", "name": app.name });
            events::insert(conn, now, "app", Subject::app(app.id, app.server_id), &data)?;
            view(conn, app)
        })
    }

    /// The shortest name that means this app: with its server where others are called the same.
    pub fn short_name(&self, app: &AppView) -> Result<String, ServiceError> {
        let same = self.db().read(|conn| apps::find_by_name(conn, &app.name))?;
        Ok(if same.len() > 1 { format!("{}/{}", app.server_name, app.name) } else { app.name.clone() })
    }

    /// An app that is no database, as it is shown.
    pub fn plain_app_view(&self, app: &AppRef) -> Result<AppView, ServiceError> {
        self.db().read(|conn| {
            let app = find_plain(conn, app)?;
            view(conn, app)
        })
    }

    /// An app that is no database.
    pub(super) fn plain_app(&self, app: &AppRef) -> Result<App, ServiceError> {
        self.db().read(|conn| find_plain(conn, app))
    }
}

/// The app that is meant. A name that stands on several servers is an error that lists them.
pub(super) fn find(conn: &mut Conn, app: &AppRef) -> Result<App, ServiceError> {
    if let Some(server) = &app.server {
        let server = servers::find(conn, server)?;
        return match apps::find_on_server(conn, server.id, &app.name)? {
            Some(app) => Ok(app),
            None => Err(not_found(conn, app, Some(server.id))?),
        };
    }
    let mut found = apps::find_by_name(conn, &app.name)?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(not_found(conn, app, None)?),
        (Some(last), false) => {
            let servers = found.into_iter().map(|app| app.server_name).chain([last.server_name]).collect();
            Err(ServiceError::AmbiguousApp { name: app.name.clone(), servers })
        }
    }
}

pub(super) fn find_plain(conn: &mut Conn, app: &AppRef) -> Result<App, ServiceError> {
    let app = find(conn, app)?;
    if app.is_database() { Err(ServiceError::IsDatabase { name: app.name }) } else { Ok(app) }
}

fn not_found(conn: &mut Conn, app: &AppRef, server_id: Option<i64>) -> Result<ServiceError, StoreError> {
    let filter = apps::Filter { server_id, databases: None };
    let all = up_to(NEAR_LIMIT, |app: &App| app.id, |after, limit| apps::list(conn, filter, Page { after, limit }))?;
    let near = nearest(&app.name, all.iter().map(|app| app.name.as_str()));
    Ok(ServiceError::NoApp { name: app.name.clone(), server: app.server.clone(), near })
}

/// What can be seen from an uploaded file's text; the server looks again.
pub(super) fn check_compose(compose: Option<&str>, resources: &Resources) -> Result<(), ServiceError> {
    let Some(text) = compose else { return Ok(()) };
    match compose_file::check_upload(text, resources.service.as_deref()) {
        Ok(_) => Ok(()),
        Err(bad) => Err(ServiceError::Invalid { text: bad.to_string(), hint: bad.hint().map(str::to_owned) }),
    }
}

fn apply(settings: &AppSettings, resources: &mut Resources, domains: &mut Vec<String>) -> Result<(), ServiceError> {
    type Check = fn(&str) -> Result<(), name::BadName>;
    if let Some(port) = settings.port {
        if port == 0 {
            return Err(invalid("port 0 is none"));
        }
        resources.port = port;
    }
    let fields: [(&Option<String>, &mut Option<String>, Check); 5] = [
        (&settings.service, &mut resources.service, |service| name::check_name("service", service)),
        (&settings.publish, &mut resources.publish, name::check_publish),
        (&settings.health_path, &mut resources.health_path, name::check_health_path),
        (&settings.memory, &mut resources.memory, name::check_memory),
        (&settings.cpus, &mut resources.cpus, name::check_cpus),
    ];
    for (said, field, check) in fields {
        match said.as_deref() {
            None => {}
            Some("") => *field = None,
            Some(value) => {
                check(value)?;
                *field = Some(value.to_owned());
            }
        }
    }
    if let Some(seconds) = settings.health_timeout_s {
        if !(1..=MAX_HEALTH_TIMEOUT_S).contains(&seconds) {
            return Err(invalid("the health check's time must be between 1s and 1h"));
        }
        resources.health_timeout_s = Some(seconds);
    }
    if let Some(said) = &settings.domains {
        domains.clear();
        for domain in said.iter().filter(|domain| !domain.is_empty()) {
            let domain = domain.to_ascii_lowercase();
            name::check_domain(&domain)?;
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
    }
    Ok(())
}

/// A domain leads to one thing on a server.
pub(super) fn check_domains(
    conn: &mut Conn,
    server_id: i64,
    server: &str,
    own: Option<i64>,
    domains: &[String],
) -> Result<(), ServiceError> {
    for domain in domains {
        let Some(route) = routes::find(conn, server_id, domain)? else { continue };
        if own.is_some() && route.app_id == own {
            continue;
        }
        let owner = match route.app_id {
            Some(id) => apps::find(conn, id)?.map(|app| app.name),
            None => None,
        };
        return Err(ServiceError::DomainTaken { domain: domain.clone(), server: server.to_owned(), owner });
    }
    Ok(())
}

fn exists(error: StoreError, app: &str, server: &str) -> ServiceError {
    match error.is_exists() {
        true => ServiceError::AppExists { name: app.to_owned(), server: server.to_owned() },
        false => error.into(),
    }
}

/// With what serves.
pub(super) fn view_with_images(conn: &mut Conn, app: App) -> Result<AppView, ServiceError> {
    let release = match app.current_deployment_id {
        Some(id) => deployments::find(conn, id)?,
        None => None,
    };
    let images = release.and_then(|release| serde_json::from_str(&release.images?).ok());
    Ok(AppView { images: Some(images.unwrap_or(Value::Null)), ..view(conn, app)? })
}

pub(super) fn view(conn: &mut Conn, app: App) -> Result<AppView, ServiceError> {
    let host_port = ports::find(conn, app.id, MAIN)?;
    let git_login = match &app.source {
        Source::Git { url, login, .. } => login.is_some() || git_url::split(url).1.is_some(),
        Source::Image { .. } | Source::Compose => false,
    };
    let (git_repo, branch, image) = match app.source {
        // The first release keeps a login within the address.
        Source::Git { url, branch, commit: _, login: _ } => (Some(git_url::split(&url).0), branch, None),
        Source::Image { image } => (None, "main".to_owned(), Some(image)),
        Source::Compose => (None, "main".to_owned(), None),
    };
    Ok(AppView {
        id: app.id,
        name: app.name,
        server_id: app.server_id,
        server_name: app.server_name,
        domain: app.domains.first().cloned(),
        domains: app.domains,
        port: app.resources.port,
        git_repo,
        branch,
        git_login,
        image,
        status: app.status.to_string(),
        app_type: app.app_type,
        service: app.resources.service,
        publish: app.resources.publish,
        health_path: app.resources.health_path,
        health_timeout_s: app.resources.health_timeout_s,
        memory: app.resources.memory,
        cpus: app.resources.cpus,
        compose_project: app.compose_project,
        host_port,
        current_deployment_id: app.current_deployment_id,
        images: None,
        created_at: Time(app.created_at),
        updated_at: Time(app.updated_at),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_named_in_three_ways() {
        let parse = |text, server| AppRef::parse(text, server);
        let both = AppRef { name: "web".into(), server: Some("a".into()) };
        assert_eq!(parse("web", None).unwrap(), AppRef { name: "web".into(), server: None });
        assert_eq!(parse("web", Some("a")).unwrap(), both);
        assert_eq!(parse("a/web", None).unwrap(), both);
        assert_eq!(parse("a/web", Some("a")).unwrap(), both);
        assert_eq!(parse("a/web", Some("b")).unwrap_err().to_string(), "`a/web` is on a, and `--server` says b");
    }

    #[test]
    fn an_empty_text_takes_a_setting_away() {
        let mut resources = Resources { memory: Some("1g".into()), service: Some("a".into()), ..Resources::default() };
        let mut domains = vec!["a.b".to_owned()];
        let settings = AppSettings {
            memory: Some(String::new()),
            domains: Some(vec![String::new()]),
            cpus: Some("2".into()),
            ..AppSettings::default()
        };
        apply(&settings, &mut resources, &mut domains).unwrap();
        assert_eq!((resources.memory, resources.cpus.as_deref(), domains.len()), (None, Some("2"), 0));
        assert_eq!(resources.service.as_deref(), Some("a"));
    }
}
