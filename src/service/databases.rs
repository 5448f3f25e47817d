//! Managed databases: made, listed, reached, taken away. Restart, stop and start are an app's.

use super::app_work::{self, Destroyed};
use super::apps::{self, AppRef};
use super::deployments::fingerprint;
use super::jobs::EnqueuedView;
use super::{PAGE, Service, ServiceError, Time, contact, servers};
use crate::domain::app::{App, NewApp, Resources, Source};
use crate::domain::database::{self, DbKind, KeptVolume};
use crate::domain::job::JobKind;
use crate::domain::name::check_name;
use crate::domain::secret::Secret;
use crate::ops::database::CreateArgs;
pub use crate::ops::database::DestroyArgs;
use crate::ops::reads::database::{self as read_password, Found};
use crate::queue::cancel;
use crate::queue::enqueue::{NewJob, Snapshot, destroy_key, enqueue};
use crate::render::database::{environment, url};
use crate::store::events::{self, Subject};
use crate::store::ports::MAIN;
use crate::store::{Conn, Page, apps as app_rows, databases, ports};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Random bytes in a password.
const PASSWORD_BYTES: usize = 24;

#[derive(Clone, Debug)]
pub struct CreateDatabase {
    pub name: String,
    pub server: String,
    pub kind: DbKind,
    pub version: Option<String>,
    pub image: Option<String>,
}

/// What became of the wish for a database.
#[derive(Clone, Debug)]
pub struct Created {
    pub enqueued: EnqueuedView,
    /// The volume of an earlier database of that name, with which it goes on.
    pub kept: Option<String>,
    pub image: String,
    pub password: Secret<String>,
}

/// A database as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct DatabaseView {
    pub id: i64,
    pub name: String,
    pub server_name: String,
    pub db_type: String,
    /// In the container, and for apps on the network `infrakt`.
    pub port: u16,
    pub status: String,
    pub image: Option<String>,
    /// On the server's loopback, once it was drawn.
    pub host_port: Option<u16>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// What a client needs. Whoever makes text of it shows a password.
#[derive(Clone, Serialize)]
pub struct Credentials {
    pub url: String,
    pub host: String,
    pub port: u16,
    pub user: Option<String>,
    pub database: Option<String>,
    pub password: Option<String>,
}

impl Service {
    /// By id, upwards.
    pub fn databases(&self, server: Option<&str>, after: Option<i64>) -> Result<Vec<DatabaseView>, ServiceError> {
        self.db().read(|conn| {
            let server_id = server.map(|name| servers::find(conn, name)).transpose()?.map(|server| server.id);
            let filter = app_rows::Filter { server_id, databases: Some(true) };
            let rows = app_rows::list(conn, filter, Page { after, limit: PAGE })?;
            rows.into_iter().map(|app| view(conn, app)).collect()
        })
    }

    /// By the names of database and server; `after`: those of the last one before.
    pub fn databases_by_name(
        &self,
        server: Option<&str>,
        after: Option<(&str, &str)>,
        limit: i64,
    ) -> Result<Vec<DatabaseView>, ServiceError> {
        let limit = limit.clamp(1, PAGE + 1);
        self.db().read(|conn| {
            let server_id = server.map(|name| servers::find(conn, name)).transpose()?.map(|server| server.id);
            let filter = app_rows::Filter { server_id, databases: Some(true) };
            let rows = app_rows::list_by_own_name(conn, filter, after, limit)?;
            rows.into_iter().map(|app| view(conn, app)).collect()
        })
    }

    pub fn database(&self, named: &AppRef) -> Result<DatabaseView, ServiceError> {
        self.db().read(|conn| {
            let (app, _) = find(conn, named)?;
            view(conn, app)
        })
    }

    /// Accepts a new database, or another try at one that has never come up. One that was destroyed without its volume goes on.
    pub fn create_database(&self, new: &CreateDatabase, by: &str) -> Result<Created, ServiceError> {
        check_name("name", &new.name)?;
        let asked = database::image(new.kind, new.version.as_deref(), new.image.as_deref())?;
        let key = self.key()?;
        let fresh = new_password();
        let now = self.now_ms();
        let created = self.db().write(|conn| {
            let server = servers::find(conn, &new.server)?;
            let there = app_rows::find_on_server(conn, server.id, &new.name)?;
            let again = there.map(|app| unfinished(conn, app, new.kind)).transpose()?;
            let kept = kept_of(conn, server.id, &new.name)?;
            let image = image_for(new, &server.name, asked, again.as_ref(), kept.as_ref())?;
            let known = match (&kept, &again) {
                (Some(kept), _) => Some(kept.password_sealed.clone()),
                (None, Some(app)) => databases::password(conn, app.id)?,
                (None, None) => None,
            };
            let known =
                known.map(|token| key.open_token(&token, &format!("the password of {}", new.name))).transpose()?;
            // A redis of the first release had none, and its data asks for none.
            let password = known.filter(|password| !password.expose().is_empty()).unwrap_or(fresh);
            let app = recorded(conn, now, new, server.id, again, &image)?;
            databases::set_password(conn, app.id, &app.compose_project, &key.seal(password.expose()))?;
            let env = environment(new.kind, &new.name, &password);
            let sealed: BTreeMap<&str, String> =
                env.iter().map(|(name, value)| (name.as_str(), key.seal(value.expose()))).collect();
            let volume = kept.as_ref().map_or_else(|| database::volume(&new.name), |kept| kept.volume.clone());
            let args = CreateArgs { kind: new.kind, volume, kept: kept.is_some() };
            let snapshot = Snapshot {
                app_id: app.id,
                spec_hash: fingerprint(key, &app, &app.source, &env)?,
                source: app.source.clone(),
                env_sealed: json!(sealed).to_string(),
                compose: None,
                resources: app.resources.clone(),
                domains: Vec::new(),
            };
            let (server, app) = ((server.id, server.name.as_str()), (app.id, app.name.as_str()));
            let job = NewJob::db_create(server, app, snapshot, json!(args).to_string(), by);
            let enqueued = EnqueuedView::new(&enqueue(conn, now, &job)?);
            self.keep_answer(conn, now, &enqueued)?;
            Ok::<_, ServiceError>(Created { enqueued, kept: kept.map(|kept| kept.volume), image, password })
        })?;
        self.ring();
        Ok(created)
    }

    /// How other apps reach it, or through the server's loopback. Asks the server for the password of a database that the first
    /// release made, the first time.
    pub async fn credentials(&self, named: &AppRef, local: bool) -> Result<Credentials, ServiceError> {
        let (app, kind) = self.db().read(|conn| find(conn, named))?;
        let password = self.password_of(&app, kind).await?;
        let (drawn, made_here) = self.db().read(|conn| {
            Ok::<_, ServiceError>((ports::find(conn, app.id, MAIN)?, databases::is_made_here(conn, app.id)?))
        })?;
        let (host, port) = match (local, drawn) {
            (false, _) => (app.name.clone(), kind.port()),
            (true, Some(port)) => ("127.0.0.1".to_owned(), port),
            // The first release binds the kind's own port.
            (true, None) if !made_here => ("127.0.0.1".to_owned(), app.resources.port),
            (true, None) => {
                return Err(ServiceError::Refused {
                    code: "not_created",
                    text: format!("{} has no port on {} yet", app.name, app.server_name),
                    hint: Some("`infrakt job list` shows whether it is being made".into()),
                });
            }
        };
        let account = database::account(kind, &app.name);
        let url = url(kind, &app.name, &host, port, password.as_ref()).into_inner();
        let (user, database) = match kind {
            DbKind::Postgres | DbKind::Mysql => (Some(account.clone()), Some(account)),
            DbKind::Mongo => (Some(account), Some(database::mongo_database(&app.name))),
            DbKind::Redis => (None, None),
        };
        Ok(Credentials { url, host, port, user, database, password: password.map(Secret::into_inner) })
    }

    /// None: it has none, as a redis of the first release.
    async fn password_of(&self, app: &App, kind: DbKind) -> Result<Option<Secret<String>>, ServiceError> {
        let open = |sealed: &str| -> Result<Option<Secret<String>>, ServiceError> {
            let password = self.key()?.open_token(sealed, &format!("the password of {}", app.name))?;
            Ok((!password.expose().is_empty()).then_some(password))
        };
        if let Some(sealed) = self.db().read(|conn| databases::password(conn, app.id))? {
            return open(&sealed);
        }
        if kind == DbKind::Redis {
            return Ok(None);
        }
        let password = self.read_password(app, kind).await?;
        let sealed = self.key()?.seal(password.expose());
        self.db().write(|conn| match databases::password(conn, app.id)? {
            // Another process was faster: it read the same.
            Some(_) => Ok(()),
            None => databases::set_password(conn, app.id, &app.compose_project, &sealed),
        })?;
        Ok(Some(password))
    }

    async fn read_password(&self, app: &App, kind: DbKind) -> Result<Secret<String>, ServiceError> {
        let server = self.db().read(|conn| servers::find(conn, &app.server_name))?;
        let connection = self.connect(&server).await?;
        let read = read_password::read(&app.name, kind.password_variable());
        let file = format!("/opt/infrakt/apps/{}/docker-compose.yml on {}", app.name, app.server_name);
        let missing = match read_password::parse(&contact::read(&connection, &server.name, &read).await?)? {
            Found::Value(password) => return Ok(password),
            Found::NoFile => format!("there is no {file}"),
            Found::NoVariable => format!("{file} holds no {}", kind.password_variable()),
        };
        Err(ServiceError::Refused {
            code: "password_unknown",
            text: format!("the password of {} is not known here, and {missing}", app.name),
            hint: Some(format!("`infrakt db destroy {} --volumes` takes it away with its data", app.name)),
        })
    }

    /// What of it waits and has not begun is cancelled with the request. Its volume stays unless it is to go as well, and with the
    /// volume what opens it: so the password of one that the first release made is read first.
    pub async fn destroy_database(
        &self,
        named: &AppRef,
        args: DestroyArgs,
        by: &str,
    ) -> Result<Destroyed, ServiceError> {
        let (app, kind) = self.db().read(|conn| find(conn, named))?;
        if !args.volumes && self.password_of(&app, kind).await?.is_none() {
            let none = self.key()?.seal("");
            self.db().write(|conn| databases::set_password(conn, app.id, &app.compose_project, &none))?;
        }
        let now = self.now_ms();
        let view = self.db().write(|conn| {
            let (app, _) = find(conn, named)?;
            for job in app_work::alive(conn, app.id)? {
                if job.kind != JobKind::DbDestroy && app_work::has_not_begun(&job) {
                    cancel::request_in(conn, now, job.id, by)?;
                }
            }
            let server = (app.server_id, app.server_name.as_str());
            let job = NewJob::db_destroy(server, (app.id, &app.name), json!(args).to_string(), by);
            let view = EnqueuedView::new(&enqueue(conn, now, &job)?);
            self.keep_answer(conn, now, &view)?;
            Ok::<_, ServiceError>(view)
        })?;
        self.ring();
        Ok(Destroyed::Enqueued(view))
    }

    /// Forgets it here, for a server that is gone; should its volume turn up again, what opens it is still known.
    pub fn forget_database(&self, named: &AppRef, by: &str) -> Result<app_work::Forgotten, ServiceError> {
        let now = self.now_ms();
        let forgotten = self.db().write(|conn| {
            let (app, kind) = find(conn, named)?;
            if let Some(sealed) = databases::password(conn, app.id)? {
                let volume = match databases::is_made_here(conn, app.id)? {
                    true => database::volume(&app.name),
                    false => format!("{}_{}_data", app.compose_project, app.name),
                };
                let known = kept_of(conn, app.server_id, &app.name)?.map(|kept| kept.volume);
                let kept = KeptVolume {
                    server_id: app.server_id,
                    volume: known.unwrap_or(volume),
                    kind,
                    image: image_of(&app, kind),
                    password_sealed: sealed,
                    kept_at: now,
                };
                databases::keep(conn, &kept)?;
            }
            app_work::forget(conn, now, app, by, true)
        })?;
        self.ring();
        Ok(forgotten)
    }
}

fn new_password() -> Secret<String> {
    let mut bytes = [0u8; PASSWORD_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    Secret::new(URL_SAFE_NO_PAD.encode(bytes))
}

fn image_of(app: &App, kind: DbKind) -> String {
    match &app.source {
        Source::Image { image } => image.clone(),
        Source::Git { .. } | Source::Compose => kind.default_image().to_owned(),
    }
}

/// The database that is meant; an app that is none is refused.
fn find(conn: &mut Conn, named: &AppRef) -> Result<(App, DbKind), ServiceError> {
    let app = apps::find(conn, named).map_err(|error| match error {
        ServiceError::NoApp { name, server, near } => ServiceError::NoDatabase { name, server, near },
        other => other,
    })?;
    match DbKind::of_app(&app) {
        Some(kind) => Ok((app, kind)),
        None => Err(ServiceError::Refused {
            code: "no_database",
            text: format!("`{}` is no database: it is an app of type {}", app.name, app.app_type),
            hint: Some("`infrakt db list` shows the databases".into()),
        }),
    }
}

/// What is known of a volume that a database of this name left: our own, else the first release's.
fn kept_of(conn: &mut Conn, server_id: i64, name: &str) -> Result<Option<KeptVolume>, ServiceError> {
    for volume in [database::volume(name)].into_iter().chain(database::first_release_volumes(name)) {
        if let Some(kept) = databases::kept(conn, server_id, &volume)? {
            return Ok(Some(kept));
        }
    }
    Ok(None)
}

/// The row of an earlier try at the same: whatever else has that name is in the way.
fn unfinished(conn: &mut Conn, app: App, kind: DbKind) -> Result<App, ServiceError> {
    if DbKind::of_app(&app) == Some(kind)
        && app.current_deployment_id.is_none()
        && databases::is_made_here(conn, app.id)?
        && crate::store::jobs::alive_with_unique_key(conn, &destroy_key(app.id))?.is_none()
    {
        return Ok(app);
    }
    let (what, hint) = match app.app_type.strip_prefix("db:") {
        Some(word) => (
            format!("a database ({word})"),
            format!("`infrakt db destroy {} --server {}` takes it away", app.name, app.server_name),
        ),
        None => ("an app".to_owned(), "take another name".to_owned()),
    };
    Err(ServiceError::Refused {
        code: "app_exists",
        text: format!("there is {what} `{}` on {} already", app.name, app.server_name),
        hint: Some(hint),
    })
}

/// A database that has not come up yet, or never will: there is nothing to restart or stop.
pub(super) fn not_unmade(conn: &mut Conn, app: &App) -> Result<(), ServiceError> {
    let is_there = app.current_deployment_id.is_some() || !databases::is_made_here(conn, app.id)?;
    if !app.is_database() || is_there {
        return Ok(());
    }
    Err(ServiceError::Refused {
        code: "not_created",
        text: format!("the database {} was never made on {}", app.name, app.server_name),
        hint: Some(format!("`infrakt db create {} --server {}` makes it", app.name, app.server_name)),
    })
}

/// What was asked for, else what was there before; never one of another type or major version over kept data.
fn image_for(
    new: &CreateDatabase,
    server: &str,
    asked: Option<String>,
    again: Option<&App>,
    kept: Option<&KeptVolume>,
) -> Result<String, ServiceError> {
    let Some(kept) = kept else {
        let before = again.map(|app| image_of(app, new.kind));
        return Ok(asked.or(before).unwrap_or_else(|| new.kind.default_image().to_owned()));
    };
    let refused = |what: String, hint: String| ServiceError::Refused {
        code: "kept_volume",
        text: format!("the volume {} on {server} was kept of {what}", kept.volume),
        hint: Some(hint),
    };
    if kept.kind != new.kind {
        let hint = format!("`--type {}` goes on with it; or take another name", kept.kind);
        return Err(refused(format!("a database of the type {}", kept.kind), hint));
    }
    match asked {
        Some(asked) if !database::same_major(&asked, &kept.image) => {
            let hint = format!("`--image {}` goes on with it; or take another name", kept.image);
            Err(refused(format!("{}, and {asked} may not be able to read it", kept.image), hint))
        }
        Some(asked) => Ok(asked),
        None => Ok(kept.image.clone()),
    }
}

/// The row, made now or of an earlier try.
fn recorded(
    conn: &mut Conn,
    now: i64,
    new: &CreateDatabase,
    server_id: i64,
    again: Option<App>,
    image: &str,
) -> Result<App, ServiceError> {
    let source = Source::Image { image: image.to_owned() };
    let id = match again {
        Some(mut app) => {
            app.source = source;
            app_rows::update(conn, now, &app)?;
            app.id
        }
        None => {
            let resources = Resources { port: new.kind.port(), ..Resources::default() };
            let row =
                NewApp { name: new.name.clone(), server_id, domains: Vec::new(), source, resources, compose: None };
            let id = app_rows::insert(conn, now, &row)?;
            databases::mark(conn, id, new.kind)?;
            let data = json!({ "what": "created", "name": row.name });
            events::insert(conn, now, "app", Subject::app(id, server_id), &data)?;
            id
        }
    };
    app_rows::find(conn, id)?.ok_or_else(|| ServiceError::NoApp { name: new.name.clone(), server: None, near: None })
}

fn view(conn: &mut Conn, app: App) -> Result<DatabaseView, ServiceError> {
    let host_port = match ports::find(conn, app.id, MAIN)? {
        None if !databases::is_made_here(conn, app.id)? => Some(app.resources.port),
        drawn => drawn,
    };
    Ok(DatabaseView {
        id: app.id,
        host_port,
        db_type: app.app_type.strip_prefix("db:").unwrap_or(&app.app_type).to_owned(),
        image: match app.source {
            Source::Image { image } => Some(image),
            Source::Git { .. } | Source::Compose => None,
        },
        name: app.name,
        server_name: app.server_name,
        port: app.resources.port,
        status: app.status.to_string(),
        created_at: Time(app.created_at),
        updated_at: Time(app.updated_at),
    })
}
