//! Work on an app that is there: restart, stop, start, its environment to its containers, its end.

use super::apps::{self, AppRef};
use super::jobs::EnqueuedView;
use super::servers::invalid;
use super::{Service, ServiceError, databases};
use crate::domain::app::App;
use crate::domain::job::{Job, JobKind, JobState};
pub use crate::ops::app::DestroyOptions;
use crate::ops::app::EnvPushArgs;
pub(super) use crate::queue::enqueue::not_being_destroyed;
use crate::queue::enqueue::{NewJob, enqueue};
use crate::queue::{abandon, cancel};
use crate::store::events::{self, Subject};
use crate::store::{Conn, Page, apps as app_rows, deployments, jobs};
use crate::vault::EnvFile;
use serde::Serialize;
use serde_json::json;

/// What an app's containers are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    Restart,
    Stop,
    Start,
}

impl RunState {
    fn kind(self) -> JobKind {
        match self {
            RunState::Restart => JobKind::Restart,
            RunState::Stop => JobKind::Stop,
            RunState::Start => JobKind::Start,
        }
    }
}

/// What became of the wish that an app be gone.
#[derive(Clone, Debug)]
pub enum Destroyed {
    Enqueued(EnqueuedView),
    /// Nothing of it was ever on a server.
    Forgotten(Forgotten),
}

/// An app that this home knows no more.
#[derive(Clone, Debug, Serialize)]
pub struct Forgotten {
    pub name: String,
    pub server_name: String,
    pub compose_project: String,
    /// Jobs that had begun: what they did on the server was not looked at.
    pub abandoned_jobs: Vec<i64>,
    /// Something of it may be on its server still.
    pub left_on_server: bool,
}

impl Service {
    /// Check, write and enqueue in one transaction; the bell after it.
    pub(super) fn accept(
        &self,
        request: impl FnOnce(&mut Conn) -> Result<NewJob, ServiceError>,
    ) -> Result<EnqueuedView, ServiceError> {
        let now = self.now_ms();
        let done = self.db().write(|conn| {
            let job = request(conn)?;
            let view = EnqueuedView::new(&enqueue(conn, now, &job)?);
            self.keep_answer(conn, now, &view)?;
            Ok::<_, ServiceError>(view)
        })?;
        self.ring();
        Ok(done)
    }

    /// Databases too.
    pub fn run_app(&self, app: &AppRef, state: RunState, by: &str) -> Result<EnqueuedView, ServiceError> {
        self.accept(|conn| {
            let app = apps::find(conn, app)?;
            ready_for_work(conn, &app)?;
            Ok(NewJob::run_state(state.kind(), (app.server_id, &app.server_name), (app.id, &app.name), by))
        })
    }

    /// The environment as it is now.
    pub fn env_push(&self, app: &AppRef, by: &str) -> Result<(EnqueuedView, usize), ServiceError> {
        let id = self.plain_app(app)?.id;
        let env = self.env_now(id)?;
        let count = env.sealed.len();
        let args = serde_json::to_string(&EnvPushArgs { env: env.sealed }).map_err(|e| invalid(e.to_string()))?;
        let view = self.accept(|conn| {
            let app = apps::find_plain(conn, app)?;
            ready_for_work(conn, &app)?;
            Ok(NewJob::env_push((app.server_id, &app.server_name), (app.id, &app.name), args, by))
        })?;
        Ok((view, count))
    }

    /// What of the app waits and has not begun is cancelled with the request; what has begun goes first.
    pub fn destroy_app(&self, app: &AppRef, options: DestroyOptions, by: &str) -> Result<Destroyed, ServiceError> {
        let args = serde_json::to_string(&options).map_err(|e| invalid(e.to_string()))?;
        let now = self.now_ms();
        enum Done {
            Enqueued(EnqueuedView),
            Forgotten(i64, Forgotten),
        }
        let done = self.db().write(|conn| {
            let app = apps::find_plain(conn, app)?;
            let waiting = alive(conn, app.id)?;
            for job in waiting.iter().filter(|job| job.kind != JobKind::Destroy && has_not_begun(job)) {
                cancel::request_in(conn, now, job.id, by)?;
            }
            if never_deployed(conn, &app)? && waiting.iter().all(has_not_begun) {
                let id = app.id;
                return Ok(Done::Forgotten(id, forget(conn, now, app, by, false)?));
            }
            let job = NewJob::destroy((app.server_id, &app.server_name), (app.id, &app.name), args, by);
            let view = EnqueuedView::new(&enqueue(conn, now, &job)?);
            self.keep_answer(conn, now, &view)?;
            Ok::<_, ServiceError>(Done::Enqueued(view))
        })?;
        self.ring();
        match done {
            Done::Enqueued(view) => Ok(Destroyed::Enqueued(view)),
            Done::Forgotten(id, forgotten) => {
                self.env_file(id).remove()?;
                Ok(Destroyed::Forgotten(forgotten))
            }
        }
    }

    /// Forgets an app here and leaves whatever of it is on its server: for servers that are gone. Jobs of it end, begun or not.
    pub fn forget_app(&self, app: &AppRef, by: &str) -> Result<Forgotten, ServiceError> {
        let now = self.now_ms();
        let (id, forgotten) = self.db().write(|conn| {
            let app = apps::find_plain(conn, app)?;
            let left = !never_deployed(conn, &app)? || alive(conn, app.id)?.iter().any(Job::has_begun);
            Ok::<_, ServiceError>((app.id, forget(conn, now, app, by, left)?))
        })?;
        self.ring();
        self.env_file(id).remove()?;
        Ok(forgotten)
    }

    /// Removes environments whose app was destroyed, where the process that did it ended before it came to that.
    pub fn sweep_environments(&self) -> Result<(), ServiceError> {
        let Ok(entries) = std::fs::read_dir(self.home().envs()) else { return Ok(()) };
        let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let ids: Vec<i64> = names.filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        // Only of an app whose end is on record: a database that was restored from a copy knows not all that there was. An id is never
        // used twice, so what is found here stays true.
        let destroyed = self.db().read(|conn| {
            let looked = ids.into_iter().map(|id| Ok(jobs::was_destroyed(conn, id)?.then_some(id)));
            looked.filter_map(Result::transpose).collect::<Result<Vec<i64>, ServiceError>>()
        })?;
        for id in destroyed {
            EnvFile::new(self.home().env_file(id)).remove()?;
        }
        Ok(())
    }
}

pub(super) fn has_not_begun(job: &Job) -> bool {
    job.state == JobState::Queued && !job.has_begun()
}

pub(super) fn alive(conn: &mut Conn, app_id: i64) -> Result<Vec<Job>, ServiceError> {
    let filter = jobs::Filter { app_id: Some(app_id), alive: true, ..jobs::Filter::default() };
    Ok(jobs::list(conn, &filter, Page::all())?)
}

pub(super) fn forget(
    conn: &mut Conn,
    now: i64,
    app: App,
    by: &str,
    left_on_server: bool,
) -> Result<Forgotten, ServiceError> {
    let abandoned = abandon::jobs_of_app(conn, now, app.id, by)?;
    app_rows::delete(conn, app.id)?;
    let data = json!({ "what": "forgotten", "name": app.name });
    events::insert(conn, now, "app", Subject::app(app.id, app.server_id), &data)?;
    Ok(Forgotten {
        name: app.name,
        server_name: app.server_name,
        compose_project: app.compose_project,
        abandoned_jobs: abandoned.iter().map(|job| job.id).collect(),
        left_on_server,
    })
}

/// Nothing of it can be on its server.
fn never_deployed(conn: &mut Conn, app: &App) -> Result<bool, ServiceError> {
    if app.is_database() || app.current_deployment_id.is_some() {
        return Ok(false);
    }
    Ok(deployments::list(conn, Some(app.id), Page::first(1))?.is_empty())
}

/// There is something to work on, and it is not about to go.
pub(super) fn ready_for_work(conn: &mut Conn, app: &App) -> Result<(), ServiceError> {
    not_being_destroyed(conn, app)?;
    databases::not_unmade(conn, app)?;
    if never_deployed(conn, app)? {
        return Err(ServiceError::Refused {
            code: "not_deployed",
            text: format!("{} was never deployed", app.name),
            hint: Some(format!("`infrakt app deploy {}` puts it on {}", app.name, app.server_name)),
        });
    }
    Ok(())
}
