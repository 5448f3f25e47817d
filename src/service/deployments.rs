//! Deployments: enqueue one, look at them.

use super::app_work::not_being_destroyed;
use super::apps::{self, AppRef, AppView};
use super::jobs::EnqueuedView;
use super::{PAGE, Service, ServiceError, Time, usable};
use crate::domain::app::{App, Resources, Source};
use crate::domain::deployment::Deployment;
use crate::domain::git_url;
use crate::domain::job::Job;
use crate::domain::name;
use crate::domain::secret::Secret;
use crate::queue::enqueue::{NewJob, Snapshot, enqueue};
use crate::store::{Conn, Page, apps as app_rows, deployments, jobs};
use crate::vault::MasterKey;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What is wanted for this deployment only.
#[derive(Clone, Debug, Default)]
pub struct DeployRequest {
    pub branch: Option<String>,
    pub commit: Option<String>,
}

/// A deployment as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct DeploymentView {
    pub id: i64,
    pub app_id: i64,
    pub app_name: String,
    pub server_name: String,
    pub commit_hash: Option<String>,
    pub commit_subject: Option<String>,
    /// The branch or tag that was asked for, of a repository.
    pub branch: Option<String>,
    /// The image that was asked for.
    pub image: Option<String>,
    /// Service → image, as it was resolved.
    pub images: Value,
    pub domains: Vec<String>,
    pub status: String,
    /// Why it failed or was cancelled.
    pub reason: Option<String>,
    pub job_id: Option<i64>,
    /// In a list its last 64 KiB.
    pub log: Option<String>,
    pub log_truncated: bool,
    pub started_at: Time,
    pub finished_at: Option<Time>,
    /// False for one that ended before its first step: how long it took means nothing.
    #[serde(skip)]
    pub begun: bool,
}

/// What a deployment's fingerprint is made of: everything that could make two of them differ, in a fixed order, opened.
#[derive(Serialize)]
struct Canonical<'a> {
    version: u32,
    app: i64,
    source: &'a Source,
    env: BTreeMap<&'a str, &'a str>,
    compose: Option<&'a str>,
    resources: &'a Resources,
    domains: &'a [String],
}

impl Service {
    /// Accepts a deployment of the app as it is now. When this returns, the request survives anything.
    pub fn deploy(&self, app: &AppRef, request: &DeployRequest, by: &str) -> Result<EnqueuedView, ServiceError> {
        let (id, login) = {
            let app = self.plain_app(app)?;
            check_source(&app, request)?;
            (app.id, self.login_in_address(&app)?)
        };
        let env = self.env_now(id)?;
        let key = self.key()?;
        let env_sealed = serde_json::to_string(&env.sealed).map_err(unwritable)?;
        let now = self.now_ms();
        let done = self.db().write(|conn| {
            // Read again with the right to write: what is snapshot is what stands at this moment.
            let app = app_rows::find(conn, id)?.ok_or_else(|| ServiceError::NoApp {
                name: app.name.clone(),
                server: app.server.clone(),
                near: None,
            })?;
            check_source(&app, request)?;
            not_being_destroyed(conn, &app)?;
            let source = wanted(&app.source, request, login.as_deref());
            usable::check(conn, &app)?;
            app_rows::complete(conn, &app)?;
            let snapshot = Snapshot {
                app_id: app.id,
                spec_hash: fingerprint(key, &app, &source, &env.opened)?,
                source,
                env_sealed: env_sealed.clone(),
                compose: app.compose,
                resources: app.resources,
                domains: app.domains,
            };
            let job =
                NewJob::deploy((app.server_id, &app.server_name), (app.id, &app.name), snapshot, "{}".to_owned(), by);
            let view = EnqueuedView::new(&enqueue(conn, now, &job)?);
            self.keep_answer(conn, now, &view)?;
            Ok::<_, ServiceError>(view)
        })?;
        self.ring();
        Ok(done)
    }

    /// The first release keeps a login within the address: it goes no further, but sealed.
    fn login_in_address(&self, app: &App) -> Result<Option<String>, ServiceError> {
        let Source::Git { url, .. } = &app.source else { return Ok(None) };
        git_url::split(url).1.map(|login| self.seal_git_login(&login)).transpose()
    }

    /// The newest first.
    pub fn deployments(
        &self,
        app: &AppRef,
        limit: i64,
        before: Option<i64>,
    ) -> Result<(AppView, Vec<DeploymentView>), ServiceError> {
        self.db().read(|conn| {
            let app = apps::find(conn, app)?;
            let page = Page { after: before, limit: limit.clamp(1, PAGE + 1) };
            let rows = deployments::list(conn, Some(app.id), page)?;
            let views = rows.into_iter().map(|row| view(conn, &app, row, true)).collect::<Result<_, _>>()?;
            Ok((apps::view(conn, app)?, views))
        })
    }

    /// One, with its log.
    pub fn deployment(&self, id: i64) -> Result<DeploymentView, ServiceError> {
        self.db().read(|conn| {
            let deployment = deployments::find(conn, id)?.ok_or(ServiceError::NoDeployment { id })?;
            let app = app_rows::find(conn, deployment.app_id)?.ok_or(ServiceError::NoDeployment { id })?;
            view(conn, &app, deployment, false)
        })
    }
}

fn check_source(app: &App, request: &DeployRequest) -> Result<(), ServiceError> {
    let asked = request.branch.is_some() || request.commit.is_some();
    match &app.source {
        Source::Image { .. } if asked => Err(ServiceError::Invalid {
            text: format!("`{}` comes from an image: it has no branches or commits", app.name),
            hint: Some(format!("`infrakt app edit {} --image REF` changes the image", app.name)),
        }),
        Source::Image { .. } => Ok(()),
        Source::Git { url, branch, .. } => {
            // What the first release or another program wrote was never checked.
            name::check_git_url(&git_url::split(url).0)?;
            name::check_branch(request.branch.as_deref().unwrap_or(branch))?;
            request.commit.as_deref().map_or(Ok(()), name::check_commit)?;
            Ok(())
        }
        Source::Compose if asked => Err(ServiceError::Invalid {
            text: format!("`{}` comes from a compose file: it has no branches or commits", app.name),
            hint: Some(format!("`infrakt app edit {} --compose FILE` changes the file", app.name)),
        }),
        Source::Compose if app.compose.is_none() => Err(ServiceError::Refused {
            code: "app_unusable",
            text: format!("`{}` is deployed from a compose file, and this home has none for it", app.name),
            hint: Some(format!("`infrakt app edit {} --compose FILE` copies one", app.name)),
        }),
        // One that an earlier version recorded was not looked at then.
        Source::Compose => apps::check_compose(app.compose.as_deref(), &app.resources),
    }
}

/// The app's source, or what is asked of it for this deployment only.
fn wanted(source: &Source, request: &DeployRequest, login_in_address: Option<&str>) -> Source {
    match source {
        Source::Git { url, branch, commit: _, login } => Source::Git {
            url: git_url::split(url).0,
            branch: request.branch.as_ref().unwrap_or(branch).clone(),
            commit: request.commit.as_ref().map(|commit| commit.to_ascii_lowercase()),
            login: login_in_address.map(str::to_owned).or_else(|| login.clone()),
        },
        Source::Image { .. } | Source::Compose => source.clone(),
    }
}

pub(super) fn fingerprint(
    key: &MasterKey,
    app: &App,
    source: &Source,
    env: &BTreeMap<String, Secret<String>>,
) -> Result<String, ServiceError> {
    let mut source = source.clone();
    if let Source::Git { login: Some(login), .. } = &mut source {
        *login = key.open_token(login, "the repository's login")?.into_inner();
    }
    let canonical = Canonical {
        version: 1,
        app: app.id,
        source: &source,
        env: env.iter().map(|(key, value)| (key.as_str(), value.expose().as_str())).collect(),
        compose: app.compose.as_deref(),
        resources: &app.resources,
        domains: &app.domains,
    };
    Ok(key.hmac(&serde_json::to_vec(&canonical).map_err(unwritable)?))
}

/// Maps with text keys and plain values can always be written as JSON; the error says so where that is not believed.
fn unwritable(error: serde_json::Error) -> ServiceError {
    ServiceError::Invalid { text: format!("cannot be written as JSON: {error}"), hint: None }
}

pub(super) fn view(conn: &mut Conn, app: &App, row: Deployment, in_list: bool) -> Result<DeploymentView, ServiceError> {
    let filter = jobs::Filter { app_id: Some(app.id), deployment_id: Some(row.id), ..jobs::Filter::default() };
    let job = jobs::list(conn, &filter, Page::first(1))?.into_iter().next();
    let spec = deployments::spec(conn, row.id)?;
    let (image, branch, domains) = match spec {
        Some(spec) => match spec.source {
            Source::Image { image } => (Some(image), None, spec.domains),
            Source::Git { branch, commit, .. } => (None, Some(commit.unwrap_or(branch)), spec.domains),
            Source::Compose => (None, None, spec.domains),
        },
        None => (None, None, Vec::new()),
    };
    let cut = row.log.as_ref().is_some_and(|log| log.chars().count() as i64 >= deployments::LIST_LOG_BYTES);
    // The table keeps whole seconds, and when it was asked for; the job is exact, and knows how long it waited for others.
    let (started_at, finished_at) = match &job {
        Some(job) => (job.started_at.unwrap_or(job.created_at), job.finished_at),
        None => (row.started_at, row.finished_at),
    };
    Ok(DeploymentView {
        id: row.id,
        app_id: row.app_id,
        app_name: app.name.clone(),
        server_name: app.server_name.clone(),
        commit_hash: row.commit_hash,
        commit_subject: row.commit_subject,
        branch,
        image,
        images: row.images.and_then(|images| serde_json::from_str(&images).ok()).unwrap_or(Value::Null),
        domains,
        status: row.status.to_string(),
        reason: job.as_ref().and_then(|job| job.failure.as_ref()).map(|failure| failure.text.clone()),
        begun: job.as_ref().is_none_or(Job::has_begun),
        job_id: job.map(|job| job.id),
        log: row.log,
        log_truncated: in_list && cut,
        started_at: Time(started_at),
        finished_at: finished_at.map(Time),
    })
}
