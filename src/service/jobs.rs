//! Jobs: what waits, runs and has ended; and what a person may ask of one.

use super::apps::AppRef;
use super::servers;
use super::{PAGE, Service, ServiceError, Time, usable};
use crate::domain::app::AppStatus;
use crate::domain::job::{Job, JobState, JobStep, Resolution};
use crate::domain::plan::StoredPlan;
use crate::ops::provision::ProvisionOptions;
use crate::queue::enqueue::{Enqueued, NewJob, enqueue};
use crate::queue::view::Waiting;
use crate::queue::wake::Bell;
use crate::queue::{self, QueueError};
use crate::store::logs::{self, Chunk};
use crate::store::{Conn, Page, apps, attempts, jobs, lanes, steps};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of a request to do something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnqueuedView {
    pub job_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<i64>,
    pub message: String,
    /// The job that had not begun and ended for this one; the message names it.
    #[serde(skip)]
    pub in_place_of: Option<i64>,
}

impl EnqueuedView {
    pub(super) fn new(enqueued: &Enqueued) -> Self {
        let job = enqueued.job();
        let what = title(job);
        let message = match enqueued {
            Enqueued::Created(_) => format!("{what} is job {}", job.id),
            Enqueued::Joined(_) if job.has_begun() => format!("{what} is under way already as job {}", job.id),
            Enqueued::Joined(_) => format!("{what} waits already as job {}", job.id),
            Enqueued::Replaced { superseded, .. } => {
                format!("{what} is job {}, in the place of job {superseded}, which had not begun", job.id)
            }
        };
        let in_place_of = match enqueued {
            Enqueued::Replaced { superseded, .. } => Some(*superseded),
            Enqueued::Created(_) | Enqueued::Joined(_) => None,
        };
        Self { job_id: job.id, deployment_id: job.deployment_id, message, in_place_of }
    }
}

/// A job as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct JobView {
    pub id: i64,
    pub kind: String,
    pub title: String,
    pub server_name: String,
    pub app_name: Option<String>,
    pub deployment_id: Option<i64>,
    pub state: String,
    /// Why it waits, asks, failed or was cancelled: for people.
    pub reason: Option<String>,
    /// What to try.
    pub hint: Option<String>,
    /// Of its failure; stable.
    pub code: Option<String>,
    pub waiting_for: Option<WaitingFor>,
    /// The same, for whoever says it with times.
    #[serde(skip)]
    pub waiting: Option<Waiting>,
    pub attempt: i32,
    pub created_at: Time,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
    pub requested_by: String,
    pub retry_of: Option<i64>,
    pub superseded_by: Option<i64>,
    pub steps: Vec<StepView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct WaitingFor {
    pub job_id: Option<i64>,
    pub until: Option<Time>,
    /// One word: `behind`, `retry`, `paused`, `person`, `no_process`, `due`.
    pub why: String,
    /// Since when the job in front runs, or the lane is paused.
    pub since: Option<Time>,
    /// How long jobs like the one in front took lately: the median of the last five that succeeded.
    pub usual_ms: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct StepView {
    pub seq: i32,
    pub name: String,
    /// Of its last run; `pending` when it has not begun.
    pub state: String,
    pub started_at: Option<Time>,
    pub finished_at: Option<Time>,
    pub exit_code: Option<i32>,
    pub runs: i32,
    /// What it told about itself.
    pub note: Option<String>,
}

/// One claim of a job.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptView {
    /// The process.
    pub worker: String,
    pub started_at: Time,
    pub ended_at: Option<Time>,
    /// `put_back`, `taken_over`, `attention`, or the job's last state.
    pub outcome: Option<String>,
    pub error: Option<String>,
}

/// Which jobs a list holds.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    pub server: Option<String>,
    pub state: Option<JobState>,
    pub app: Option<AppRef>,
    /// Ended ones too.
    pub all: bool,
}

/// Everything that is new about a job, as of one moment.
#[derive(Clone, Debug)]
pub struct Progress {
    pub job: Job,
    pub view: JobView,
    /// All runs, in the order they were begun.
    pub runs: Vec<JobStep>,
    pub chunks: Vec<Chunk>,
    /// The deployment whose release serves, where the job's app runs.
    pub serves: Option<i64>,
    /// How long jobs like this one took lately; asked for once, with the first look.
    pub usual_ms: Option<i64>,
    /// There are more chunks already.
    pub more: bool,
}

/// What a retry keeps of the job before.
#[derive(Clone, Debug, Serialize)]
pub struct RetriedView {
    #[serde(flatten)]
    pub enqueued: EnqueuedView,
    /// Steps that will not run again.
    pub kept: Vec<String>,
    pub starts_over: Option<String>,
}

/// What became of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// It had not begun: it is over.
    Ended,
    /// Its owner makes sure that nothing of it lives.
    Asked,
    /// It was over before.
    Late,
}

/// Chunks that are read at once.
const CHUNKS: i64 = 64;

impl Service {
    /// Accepts the provisioning of a server.
    pub fn provision_server(
        &self,
        name: &str,
        options: &ProvisionOptions,
        by: &str,
    ) -> Result<EnqueuedView, ServiceError> {
        let args = serde_json::to_string(options).map_err(|e| servers::invalid(e.to_string()))?;
        let now = self.now_ms();
        let done = self.db().write(|conn| {
            let server = servers::find(conn, name)?;
            usable::check_server(&server)?;
            let job = NewJob::provision(server.id, &server.name, args.clone(), by);
            let view = EnqueuedView::new(&enqueue(conn, now, &job)?);
            self.keep_answer(conn, now, &view)?;
            Ok::<_, ServiceError>(view)
        })?;
        self.ring();
        Ok(done)
    }

    /// The newest first.
    pub fn jobs(&self, filter: &JobFilter, limit: i64, before: Option<i64>) -> Result<Vec<JobView>, ServiceError> {
        let somebody = self.somebody_runs()?;
        let now = self.now_ms();
        self.db().read(|conn| {
            let server_id =
                filter.server.as_deref().map(|name| servers::find(conn, name)).transpose()?.map(|server| server.id);
            let app_id = filter.app.as_ref().map(|app| super::apps::find(conn, app)).transpose()?.map(|app| app.id);
            let rows = jobs::Filter {
                server_id,
                app_id,
                state: filter.state,
                alive: !filter.all && filter.state.is_none(),
                ..jobs::Filter::default()
            };
            let page = Page { after: before, limit: limit.clamp(1, PAGE + 1) };
            let found = queue::view::list(conn, now, &rows, page, somebody)?;
            found.into_iter().map(|found| view(conn, &found.job, found.waiting.as_ref())).collect()
        })
    }

    pub fn job(&self, id: i64) -> Result<JobView, ServiceError> {
        Ok(self.progress(id, i64::MAX)?.view)
    }

    /// What is new behind the log cursor `after` (0: from the first chunk).
    pub fn progress(&self, id: i64, after: i64) -> Result<Progress, ServiceError> {
        let somebody = self.somebody_runs()?;
        let now = self.now_ms();
        self.db().read(|conn| {
            let found = queue::view::find(conn, now, id, somebody)?.ok_or(ServiceError::NoJob { id })?;
            let mut runs = steps::of_job(conn, id)?;
            runs.sort_by_key(|run| (run.started_at, run.seq, run.run));
            let chunks = logs::after(conn, id, after, CHUNKS)?;
            let view = view(conn, &found.job, found.waiting.as_ref())?;
            let more = chunks.len() as i64 == CHUNKS;
            let app = found.job.app_id.map(|id| apps::find(conn, id)).transpose()?.flatten();
            let serves = app.filter(|app| app.status == AppStatus::Running).and_then(|app| app.current_deployment_id);
            let usual_ms = if after == 0 { queue::view::usual_ms(conn, &found.job)? } else { None };
            Ok(Progress { serves, view, job: found.job, runs, chunks, usual_ms, more })
        })
    }

    /// Who ran it, in order: one row a claim.
    pub fn job_attempts(&self, id: i64) -> Result<Vec<AttemptView>, ServiceError> {
        self.db().read(|conn| {
            let rows = attempts::of_job(conn, id)?.into_iter();
            let view = |row: attempts::Attempt| AttemptView {
                worker: row.worker,
                started_at: Time(row.started_at),
                ended_at: row.ended_at.map(Time),
                outcome: row.outcome,
                error: row.error,
            };
            Ok(rows.map(view).collect())
        })
    }

    pub fn cancel_job(&self, id: i64, by: &str) -> Result<Cancelled, ServiceError> {
        let done = queue::cancel::request(self.db(), self.now_ms(), id, by).map_err(|error| job_error(id, error))?;
        self.ring();
        Ok(match done {
            queue::cancel::Cancel::Ended(_) => Cancelled::Ended,
            queue::cancel::Cancel::Asked(_) => Cancelled::Asked,
            queue::cancel::Cancel::Late(_) => Cancelled::Late,
        })
    }

    pub fn retry_job(&self, id: i64, by: &str) -> Result<RetriedView, ServiceError> {
        let now = self.now_ms();
        let view = self.db().write(|conn| {
            let done = queue::retry::retry_in(conn, now, id, by).map_err(|error| job_error(id, error))?;
            let enqueued = EnqueuedView::new(&done.enqueued);
            self.keep_answer(conn, now, &enqueued)?;
            Ok::<_, ServiceError>(RetriedView { enqueued, kept: done.kept, starts_over: done.starts_over })
        })?;
        self.ring();
        Ok(view)
    }

    pub fn resolve_job(&self, id: i64, answer: Resolution, by: &str) -> Result<JobView, ServiceError> {
        queue::answer::resolve(self.db(), self.now_ms(), id, answer, by).map_err(|error| job_error(id, error))?;
        self.ring();
        self.job(id)
    }

    pub fn bump_job(&self, id: i64) -> Result<JobView, ServiceError> {
        queue::answer::bump(self.db(), self.now_ms(), id).map_err(|error| job_error(id, error))?;
        self.ring();
        self.job(id)
    }

    /// Whether there is something for a process to do: a job that is due or will be, or one whose owner may be gone. Jobs that wait
    /// for a person give it nothing to do.
    pub fn work_waits(&self) -> Result<bool, ServiceError> {
        let now = self.now_ms();
        self.db().read(|conn| {
            let due = !lanes::with_work(conn, now)?.is_empty();
            Ok(due || lanes::next_ready(conn, now)?.is_some() || jobs::any_running(conn)?)
        })
    }

    /// Whether a process is there that runs jobs.
    pub fn somebody_runs(&self) -> Result<bool, ServiceError> {
        Ok(queue::worker::somebody_runs(self.db(), &self.home().run())?)
    }

    /// This process's bell: rings and hears for all of the home.
    pub fn bell(&self) -> Result<&Bell, ServiceError> {
        if let Some(bell) = self.inner.bell.get() {
            return Ok(bell);
        }
        let bell = Bell::hang(&self.home().run())?;
        Ok(self.inner.bell.get_or_init(|| bell))
    }

    /// After a commit. Who is not woken looks by itself within half a second.
    pub(super) fn ring(&self) {
        match self.bell() {
            Ok(bell) => bell.ring(),
            Err(error) => tracing::debug!("cannot wake the others: {error}"),
        }
    }
}

fn job_error(id: i64, error: QueueError) -> ServiceError {
    match error {
        QueueError::NoJob(_) => ServiceError::NoJob { id },
        other => other.into(),
    }
}

/// What a job is called in a sentence: `deploy web on prod-1`, `provision prod-1`.
pub fn title(job: &Job) -> String {
    match &job.app_name {
        Some(_) => format!("{} on {}", job.title, job.server_name),
        None => job.title.clone(),
    }
}

fn view(conn: &mut Conn, job: &Job, waiting: Option<&Waiting>) -> Result<JobView, ServiceError> {
    let failure = job.failure.as_ref();
    let result: Value = job.result.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    Ok(JobView {
        id: job.id,
        kind: job.kind.to_string(),
        title: job.title.clone(),
        server_name: job.server_name.clone(),
        app_name: job.app_name.clone(),
        deployment_id: job.deployment_id,
        state: job.shown_state().to_owned(),
        reason: waiting.map(Waiting::text).or_else(|| failure.map(|failure| failure.text.clone())),
        hint: failure.and_then(|failure| failure.hint.clone()),
        code: failure.map(|failure| failure.code.clone()),
        waiting_for: waiting.map(waiting_for),
        waiting: waiting.cloned(),
        attempt: job.attempt,
        created_at: Time(job.created_at),
        started_at: job.started_at.map(Time),
        finished_at: job.finished_at.map(Time),
        requested_by: job.requested_by.clone(),
        retry_of: job.retry_of,
        superseded_by: result.get("superseded_by").and_then(Value::as_i64),
        steps: step_views(job, &steps::of_job(conn, job.id)?),
    })
}

fn waiting_for(waiting: &Waiting) -> WaitingFor {
    let since = match waiting {
        Waiting::Behind { running_since, .. } => *running_since,
        Waiting::Paused { since, .. } => Some(*since),
        Waiting::Retry { .. } | Waiting::Person { .. } | Waiting::NoProcess | Waiting::Due { .. } => None,
    };
    let usual_ms = match waiting {
        Waiting::Behind { usual_ms, .. } => *usual_ms,
        Waiting::Paused { .. }
        | Waiting::Retry { .. }
        | Waiting::Person { .. }
        | Waiting::NoProcess
        | Waiting::Due { .. } => None,
    };
    WaitingFor {
        job_id: waiting.job_id(),
        until: waiting.until().map(Time),
        why: waiting.why().to_owned(),
        since: since.map(Time),
        usual_ms,
    }
}

/// The plan's steps in order, begun or not, then clean-up steps; each by its last run.
fn step_views(job: &Job, runs: &[JobStep]) -> Vec<StepView> {
    let plan: Option<StoredPlan> = job.plan.as_deref().and_then(|plan| serde_json::from_str(plan).ok());
    let planned = plan.map(|plan| plan.steps).unwrap_or_default();
    let mut views: Vec<StepView> = planned
        .into_iter()
        .zip(1..)
        .map(|(step, seq)| StepView {
            seq,
            name: step.name,
            state: "pending".to_owned(),
            started_at: None,
            finished_at: None,
            exit_code: None,
            runs: 0,
            note: None,
        })
        .collect();
    for run in runs {
        let view = StepView {
            seq: run.seq,
            name: run.name.clone(),
            state: run.state.to_string(),
            started_at: Some(Time(run.started_at)),
            finished_at: run.finished_at.map(Time),
            exit_code: run.exit_code,
            runs: run.run,
            note: step_note(run),
        };
        match views.iter_mut().find(|view| view.seq == run.seq) {
            Some(there) => *there = view,
            None => views.push(view),
        }
    }
    views
}

/// What a step told about itself, for the line behind its time: what was found, a note, addresses.
pub fn step_note(run: &JobStep) -> Option<String> {
    let output: Value = serde_json::from_str(run.output.as_deref()?).ok()?;
    let mut words = Vec::new();
    for key in ["skipped", "note", "url"] {
        match output.get(key) {
            Some(Value::String(word)) if !word.is_empty() => words.push(word.clone()),
            Some(Value::Array(several)) => words.extend(several.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
    }
    (!words.is_empty()).then(|| words.join(", "))
}
