//! A job as people see it: with its steps, and why it waits.

use super::answer::PauseReason;
use super::error::QueueError;
use crate::domain::job::{Job, JobState, JobStep};
use crate::store::jobs::{self, Filter};
use crate::store::{Conn, Page, lanes, steps};

/// A job and why it waits.
#[derive(Clone, Debug, PartialEq)]
pub struct JobView {
    pub job: Job,
    /// None: it runs, or has ended.
    pub waiting: Option<Waiting>,
}

/// Why a job does not go on.
#[derive(Clone, Debug, PartialEq)]
pub enum Waiting {
    /// Another one has the lane, or goes first.
    Behind {
        job: i64,
        title: String,
        state: JobState,
        running_since: Option<i64>,
        /// How long such a job took lately.
        usual_ms: Option<i64>,
    },
    /// Its next try.
    Retry {
        at: i64,
        reason: String,
    },
    Paused {
        since: i64,
        reason: Option<PauseReason>,
    },
    /// A person is asked.
    Person {
        question: String,
    },
    /// It could go on, but no process is there that runs jobs.
    NoProcess,
    /// It is about to be taken; `begun`: by another process than the one that began it.
    Due {
        begun: bool,
    },
}

impl Waiting {
    /// The job it waits for.
    pub fn job_id(&self) -> Option<i64> {
        match self {
            Waiting::Behind { job, .. } => Some(*job),
            Waiting::Retry { .. }
            | Waiting::Paused { .. }
            | Waiting::Person { .. }
            | Waiting::NoProcess
            | Waiting::Due { .. } => None,
        }
    }

    /// The time it waits for.
    pub fn until(&self) -> Option<i64> {
        match self {
            Waiting::Retry { at, .. } => Some(*at),
            Waiting::Behind { .. }
            | Waiting::Paused { .. }
            | Waiting::Person { .. }
            | Waiting::NoProcess
            | Waiting::Due { .. } => None,
        }
    }

    /// One word for programs.
    pub fn why(&self) -> &'static str {
        match self {
            Waiting::Behind { .. } => "behind",
            Waiting::Retry { .. } => "retry",
            Waiting::Paused { .. } => "paused",
            Waiting::Person { .. } => "person",
            Waiting::NoProcess => "no_process",
            Waiting::Due { .. } => "due",
        }
    }

    /// For people, without times: those are the printer's.
    pub fn text(&self) -> String {
        match self {
            Waiting::Behind { job, title, .. } => format!("waiting behind job {job} ({title})"),
            Waiting::Retry { reason, .. } => reason.clone(),
            Waiting::Paused { reason: Some(reason), .. } => format!("the lane is paused: {reason}"),
            Waiting::Paused { reason: None, .. } => "the lane is paused".to_owned(),
            Waiting::Person { question } => question.clone(),
            Waiting::NoProcess => "no process is there to run it".to_owned(),
            Waiting::Due { begun: false } => "about to start".to_owned(),
            Waiting::Due { begun: true } => "about to go on".to_owned(),
        }
    }
}

/// A job with why it waits. `somebody_runs`: see [`super::worker::somebody_runs`].
pub fn find(conn: &mut Conn, now: i64, id: i64, somebody_runs: bool) -> Result<Option<JobView>, QueueError> {
    match jobs::find(conn, id)? {
        Some(job) => Ok(Some(view(conn, now, job, somebody_runs)?)),
        None => Ok(None),
    }
}

/// The newest first.
pub fn list(
    conn: &mut Conn,
    now: i64,
    filter: &Filter,
    page: Page,
    somebody_runs: bool,
) -> Result<Vec<JobView>, QueueError> {
    jobs::list(conn, filter, page)?.into_iter().map(|job| view(conn, now, job, somebody_runs)).collect()
}

/// All runs of all its steps, in order.
pub fn steps(conn: &mut Conn, job_id: i64) -> Result<Vec<JobStep>, QueueError> {
    Ok(steps::of_job(conn, job_id)?)
}

pub fn view(conn: &mut Conn, now: i64, job: Job, somebody_runs: bool) -> Result<JobView, QueueError> {
    let waiting = match job.state {
        JobState::Running | JobState::Succeeded | JobState::Failed | JobState::Cancelled => None,
        JobState::Attention => Some(Waiting::Person { question: job.wait_reason.clone().unwrap_or_default() }),
        JobState::Blocked | JobState::Queued => Some(why_queued(conn, now, &job, somebody_runs)?),
    };
    Ok(JobView { job, waiting })
}

/// The strongest reason: who has the lane, whether it is paused, whether its server is out of reach, who goes first, when it is due,
/// whether anyone is there.
fn why_queued(conn: &mut Conn, now: i64, job: &Job, somebody_runs: bool) -> Result<Waiting, QueueError> {
    let lane = lanes::find(conn, &job.lane)?;
    if let Some(lane) = &lane {
        for other in [lane.running_job, lane.held_by].into_iter().flatten().filter(|other| *other != job.id) {
            if let Some(other) = jobs::find(conn, other)? {
                return behind(conn, other);
            }
        }
        if let (Some(since), None) = (lane.paused_at, job.cancel_at) {
            let reason = lane.pause_reason.as_deref().and_then(PauseReason::parse);
            return Ok(Waiting::Paused { since, reason });
        }
    }
    let outage = lane.as_ref().and_then(|lane| lane.outage.as_ref()).filter(|outage| outage.retry_at > now);
    if let Some(outage) = outage.filter(|_| !job.has_begun()) {
        return Ok(Waiting::Retry { at: outage.retry_at, reason: outage.reason.clone() });
    }
    if let Some(first) = lane.and_then(|lane| lane.next_job).filter(|first| *first != job.id)
        && let Some(first) = jobs::find(conn, first)?
    {
        return behind(conn, first);
    }
    if job.run_at > now {
        let reason = job.wait_reason.clone().unwrap_or_else(|| "tried again later".to_owned());
        return Ok(Waiting::Retry { at: job.run_at, reason });
    }
    Ok(if somebody_runs { Waiting::Due { begun: job.has_begun() } } else { Waiting::NoProcess })
}

fn behind(conn: &mut Conn, other: Job) -> Result<Waiting, QueueError> {
    let usual_ms = usual_ms(conn, &other)?;
    Ok(Waiting::Behind {
        job: other.id,
        state: other.state,
        running_since: other.started_at,
        usual_ms,
        title: other.title,
    })
}

/// Of how many jobs the usual time is the median.
const SAMPLES: i64 = 5;

/// How long jobs like this one took lately, in milliseconds; none where none succeeded.
pub fn usual_ms(conn: &mut Conn, job: &Job) -> Result<Option<i64>, QueueError> {
    let mut took = jobs::lately(conn, job, SAMPLES)?;
    took.sort_unstable();
    Ok(took.get(took.len() / 2).copied())
}
