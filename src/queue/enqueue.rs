//! Accepts work: the job, its snapshot and its event in the caller's transaction, next to the domain rows it is about.

use super::error::QueueError;
use super::{event, statuses};
use crate::domain::app::{App, Resources, Source};
use crate::domain::deployment::DeploymentSpec;
use crate::domain::job::{Job, JobEvent, JobKind, lane_of_server};
use crate::store::{Conn, deployments, jobs, lanes};

/// The usual place in the lane.
pub const USUAL_PRIORITY: i32 = 2;

/// Steps of a job that may end transient before it fails.
pub const USUAL_ATTEMPTS: i32 = 5;

/// Work to be accepted.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub kind: JobKind,
    /// For people: `deploy web`, `provision prod-1`.
    pub title: String,
    pub server_id: i64,
    pub server_name: String,
    /// Id and name.
    pub app: Option<(i64, String)>,
    /// A deploy's wanted state: its deployment is made with the job.
    pub snapshot: Option<Snapshot>,
    /// JSON; never a secret.
    pub args: String,
    pub args_version: i32,
    pub priority: i32,
    /// At most one alive: `provision:7`. The same request joins the one alive; another one is refused.
    pub unique_key: Option<String>,
    /// At most one waiting and not begun: `deploy:3`. The same request joins it; another one takes its place.
    pub coalesce_key: Option<String>,
    /// Who asked.
    pub requested_by: String,
}

impl NewJob {
    /// Work on a server without a key: asked for twice, it is done twice.
    pub fn on_server(kind: JobKind, title: String, server: (i64, &str), args: String, requested_by: &str) -> Self {
        Self {
            kind,
            title,
            server_id: server.0,
            server_name: server.1.to_owned(),
            app: None,
            snapshot: None,
            args,
            args_version: 1,
            priority: USUAL_PRIORITY,
            unique_key: None,
            coalesce_key: None,
            requested_by: requested_by.to_owned(),
        }
    }

    /// As [`NewJob::on_server`], for an app there.
    pub fn on_app(
        kind: JobKind,
        title: String,
        server: (i64, &str),
        app: (i64, &str),
        args: String,
        requested_by: &str,
    ) -> Self {
        let app = Some((app.0, app.1.to_owned()));
        Self { app, ..Self::on_server(kind, title, server, args, requested_by) }
    }

    /// At most one alive.
    pub fn alone(self, unique_key: String) -> Self {
        Self { unique_key: Some(unique_key), ..self }
    }

    /// At most one waiting.
    pub fn latest(self, coalesce_key: String) -> Self {
        Self { coalesce_key: Some(coalesce_key), ..self }
    }

    /// A server's provisioning.
    pub fn provision(server_id: i64, server_name: &str, args: String, requested_by: &str) -> Self {
        let title = server_title(JobKind::Provision, server_name).unwrap_or_default();
        Self::on_server(JobKind::Provision, title, (server_id, server_name), args, requested_by)
            .alone(format!("provision:{server_id}"))
    }

    /// A change of a server's routes; see [`super::routes`].
    pub fn proxy(server_id: i64, server_name: &str, args: String, requested_by: &str) -> Self {
        let title = server_title(JobKind::Proxy, server_name).unwrap_or_default();
        Self::on_server(JobKind::Proxy, title, (server_id, server_name), args, requested_by)
    }

    /// A deploy of an app.
    pub fn deploy(server: (i64, &str), app: (i64, &str), snapshot: Snapshot, args: String, requested_by: &str) -> Self {
        let title = format!("deploy {}", app.1);
        let job = Self::on_app(JobKind::Deploy, title, server, app, args, requested_by);
        Self { snapshot: Some(snapshot), ..job }.latest(format!("deploy:{}", app.0))
    }

    /// Stop, start or restart an app: of those that wait the last one counts.
    pub fn run_state(kind: JobKind, server: (i64, &str), app: (i64, &str), requested_by: &str) -> Self {
        let title = format!("{kind} {}", app.1);
        Self::on_app(kind, title, server, app, "{}".to_owned(), requested_by).latest(format!("run:{}", app.0))
    }

    /// The environment of an app to its containers; `args` holds it sealed.
    pub fn env_push(server: (i64, &str), app: (i64, &str), args: String, requested_by: &str) -> Self {
        let title = format!("env push {}", app.1);
        Self::on_app(JobKind::EnvPush, title, server, app, args, requested_by).latest(format!("env_push:{}", app.0))
    }

    /// The end of an app.
    pub fn destroy(server: (i64, &str), app: (i64, &str), args: String, requested_by: &str) -> Self {
        let title = format!("destroy {}", app.1);
        Self::on_app(JobKind::Destroy, title, server, app, args, requested_by).alone(destroy_key(app.0))
    }

    /// A new database, as a deployment of its image.
    pub fn db_create(
        server: (i64, &str),
        app: (i64, &str),
        snapshot: Snapshot,
        args: String,
        requested_by: &str,
    ) -> Self {
        let title = format!("db create {}", app.1);
        let job = Self::on_app(JobKind::DbCreate, title, server, app, args, requested_by);
        Self { snapshot: Some(snapshot), ..job }.alone(format!("db_create:{}", app.0))
    }

    /// The end of a database.
    pub fn db_destroy(server: (i64, &str), app: (i64, &str), args: String, requested_by: &str) -> Self {
        let title = format!("db destroy {}", app.1);
        Self::on_app(JobKind::DbDestroy, title, server, app, args, requested_by).alone(destroy_key(app.0))
    }
}

/// What a job is called that is about a server as a whole; none for one that is about an app.
pub(super) fn server_title(kind: JobKind, server_name: &str) -> Option<String> {
    match kind {
        JobKind::Provision => Some(format!("provision {server_name}")),
        JobKind::Proxy => Some(format!("routes of {server_name}")),
        JobKind::Deploy
        | JobKind::Restart
        | JobKind::Stop
        | JobKind::Start
        | JobKind::EnvPush
        | JobKind::Destroy
        | JobKind::DbCreate
        | JobKind::DbDestroy => None,
    }
}

/// The unique key of an app's end: while it lives nothing else is accepted for that app.
pub fn destroy_key(app_id: i64) -> String {
    format!("destroy:{app_id}")
}

/// Nothing is accepted for an app that is about to go.
pub fn not_being_destroyed(conn: &mut Conn, app: &App) -> Result<(), QueueError> {
    match jobs::alive_with_unique_key(conn, &destroy_key(app.id))? {
        None => Ok(()),
        Some(job) => Err(QueueError::BeingDestroyed { job: job.id, app: app.name.clone() }),
    }
}

/// What a deployment is to put on the server, at the moment of the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub app_id: i64,
    pub source: Source,
    /// JSON object: key → Fernet token.
    pub env_sealed: String,
    pub compose: Option<String>,
    pub resources: Resources,
    pub domains: Vec<String>,
    /// HMAC-SHA256 (hex) over the canonical plaintext: equal means the same request.
    pub spec_hash: String,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Enqueued {
    Created(Job),
    /// The same request waits already: this is it.
    Joined(Job),
    /// A waiting one that had not begun made way.
    Replaced {
        job: Job,
        superseded: i64,
    },
}

impl Enqueued {
    pub fn job(&self) -> &Job {
        match self {
            Enqueued::Created(job) | Enqueued::Joined(job) | Enqueued::Replaced { job, .. } => job,
        }
    }

    pub fn into_job(self) -> Job {
        match self {
            Enqueued::Created(job) | Enqueued::Joined(job) | Enqueued::Replaced { job, .. } => job,
        }
    }
}

/// Accepts work. Call it inside [`crate::store::Db::write`], with the domain rows of the request in the same transaction; ring
/// [`super::wake::Bell`] after the commit.
pub fn enqueue(conn: &mut Conn, now: i64, new: &NewJob) -> Result<Enqueued, QueueError> {
    enqueue_as(conn, now, new, None)
}

pub(crate) fn enqueue_as(
    conn: &mut Conn,
    now: i64,
    new: &NewJob,
    retry_of: Option<i64>,
) -> Result<Enqueued, QueueError> {
    if let Some(key) = &new.unique_key
        && let Some(alive) = jobs::alive_with_unique_key(conn, key)?
    {
        // One that is being cancelled is no answer to somebody who wants it done.
        let same = alive.cancel_at.is_none() && alive.kind == new.kind && alive.args == new.args;
        return if same {
            Ok(Enqueued::Joined(alive))
        } else {
            Err(QueueError::AlreadyAlive { job: alive.id, state: alive.shown_state(), title: alive.title })
        };
    }
    let waiting = match &new.coalesce_key {
        Some(key) => jobs::waiting_with_coalesce_key(conn, key)?,
        None => None,
    };
    if let Some(waiting) = &waiting
        && is_same_request(conn, waiting, new)?
        && is_last_word(conn, waiting)?
    {
        return Ok(Enqueued::Joined(waiting.clone()));
    }
    let lane = lane_of_server(new.server_id);
    lanes::make(conn, &lane)?;
    let deployment_id = match &new.snapshot {
        Some(snapshot) => Some(insert_deployment(conn, now, snapshot)?),
        None => None,
    };
    // The waiting one ends before the new one is inserted: the index allows one. Its record names the new one, whose id is known
    // afterwards, so it is completed below.
    if let Some(waiting) = &waiting {
        end_superseded(conn, now, waiting, None)?;
    }
    let job = jobs::insert(
        conn,
        now,
        &jobs::Insert {
            uid: &uuid::Uuid::now_v7().to_string(),
            kind: new.kind,
            title: &new.title,
            lane: &lane,
            server_id: new.server_id,
            app_id: new.app.as_ref().map(|(id, _)| *id),
            deployment_id,
            server_name: &new.server_name,
            app_name: new.app.as_ref().map(|(_, name)| name.as_str()),
            priority: new.priority,
            run_at: now,
            args: &new.args,
            args_version: new.args_version,
            max_attempts: USUAL_ATTEMPTS,
            unique_key: new.unique_key.as_deref(),
            coalesce_key: new.coalesce_key.as_deref(),
            retry_of,
            requested_by: &new.requested_by,
        },
    )?;
    if let Some(waiting) = &waiting {
        jobs::set_superseded_by(conn, waiting.id, &statuses::superseded(job.id), &statuses::superseded_result(job.id))?;
        event::job(conn, now, waiting.id)?;
    }
    event::of_job(conn, now, &job)?;
    Ok(match waiting {
        Some(waiting) => Enqueued::Replaced { job, superseded: waiting.id },
        None => Enqueued::Created(job),
    })
}

fn is_same_request(conn: &mut Conn, waiting: &Job, new: &NewJob) -> Result<bool, QueueError> {
    let stored = match waiting.deployment_id {
        Some(id) => deployments::spec(conn, id)?.map(|spec| spec.spec_hash),
        None => None,
    };
    let wanted = new.snapshot.as_ref().map(|snapshot| snapshot.spec_hash.clone());
    Ok(stored == wanted && waiting.args == new.args && waiting.kind == new.kind)
}

/// Whether nothing was asked for the job's app since: in "stop, start, stop" the last one is not the first one.
fn is_last_word(conn: &mut Conn, waiting: &Job) -> Result<bool, QueueError> {
    match waiting.app_id {
        Some(app_id) => Ok(jobs::newest_alive_of_app(conn, app_id)? == Some(waiting.id)),
        None => Ok(true),
    }
}

fn insert_deployment(conn: &mut Conn, now: i64, snapshot: &Snapshot) -> Result<i64, QueueError> {
    let snapshot = snapshot.clone();
    let deployment_id = deployments::insert(conn, now, snapshot.app_id)?;
    let spec = DeploymentSpec {
        deployment_id,
        app_id: snapshot.app_id,
        source: snapshot.source,
        env_sealed: snapshot.env_sealed,
        compose: snapshot.compose,
        resources: snapshot.resources,
        domains: snapshot.domains,
        spec_hash: snapshot.spec_hash,
    };
    deployments::insert_spec(conn, &spec)?;
    Ok(deployment_id)
}

/// Ends a waiting job that has not begun because a newer one takes its place.
fn end_superseded(conn: &mut Conn, now: i64, waiting: &Job, by: Option<i64>) -> Result<(), QueueError> {
    event::next(waiting, &[JobEvent::Supersede])?;
    let failure = statuses::superseded(by.unwrap_or_default());
    jobs::cancel_unbegun(conn, waiting.id, now, &failure, None)?;
    statuses::apply(conn, now, waiting, &statuses::Outcome::UNBEGUN)?;
    Ok(())
}
