//! Ends a job: its state, the statuses that follow from it, what it found out, and the lane, in one transaction.

use super::claim::Claim;
use super::error::QueueError;
use super::event;
use super::record::owned;
use super::routes;
use super::statuses::{self, Outcome};
use super::volumes::{self, FoundVolume};
use crate::domain::failure::Failure;
use crate::domain::job::{Job, JobEvent};
use crate::domain::step::StepState;
use crate::store::{Conn, Db, attempts, deployments, lanes, running, servers, steps};

/// How a job ends.
#[derive(Clone, Debug)]
pub enum Ending {
    Succeeded,
    /// `serving`: whether the version before serves; none where nobody looked (it never came to that).
    Failed {
        failure: Failure,
        serving: Option<bool>,
    },
    /// Nothing of it lives on the server.
    Cancelled,
}

/// What the job found out; written with its end, whichever that is.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Of the deployment.
    pub commit_hash: Option<String>,
    pub commit_subject: Option<String>,
    /// JSON object: service → image by digest or id.
    pub images: Option<String>,
    /// JSON: what was found on the server.
    pub server_facts: Option<String>,
    /// Whether the app's containers run at the end, where a step or a clean-up looked.
    pub runs: Option<bool>,
    /// A database's data.
    pub volume: Option<FoundVolume>,
    /// JSON, kept with the job.
    pub result: Option<String>,
    /// Domains that the server keeps for somebody else: what the job was to change about them is taken back.
    pub refused: Vec<String>,
}

/// Ends the job. After this the claim is worth nothing.
pub fn finish(db: &Db, claim: &Claim, now: i64, ending: &Ending, effects: &Effects) -> Result<Job, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        write_effects(conn, &job, effects)?;
        if matches!(ending, Ending::Succeeded) {
            volumes::remember(conn, now, &job, effects.volume.as_ref())?;
        }
        end(conn, now, &job, ending, effects)
    })
}

fn write_effects(conn: &mut Conn, job: &Job, effects: &Effects) -> Result<(), QueueError> {
    if let Some(id) = job.deployment_id {
        let (hash, subject, images) = (&effects.commit_hash, &effects.commit_subject, &effects.images);
        deployments::set_outcome(conn, id, hash.as_deref(), subject.as_deref(), images.as_deref())?;
    }
    if let (Some(id), Some(facts)) = (job.server_id, &effects.server_facts)
        && servers::find(conn, id)?.is_some()
    {
        servers::set_facts(conn, id, facts)?;
    }
    if !effects.refused.is_empty() {
        routes::take_back(conn, job, Some(&effects.refused))?;
    }
    Ok(())
}

/// Running → an end, inside the caller's transaction.
pub(crate) fn end(conn: &mut Conn, now: i64, job: &Job, ending: &Ending, effects: &Effects) -> Result<Job, QueueError> {
    let cancelled = statuses::cancelled(job.cancel_by.as_deref().unwrap_or("its owner"));
    let (happens, outcome, failure, step_state) = match ending {
        Ending::Succeeded => (JobEvent::Succeed, Outcome::Succeeded { runs: effects.runs }, None, StepState::Lost),
        Ending::Failed { failure, serving } => {
            (JobEvent::Fail, Outcome::Failed { serving: *serving }, Some(failure), StepState::Failed)
        }
        Ending::Cancelled => {
            (JobEvent::Cancel, Outcome::Cancelled { serving: effects.runs }, Some(&cancelled), StepState::Cancelled)
        }
    };
    let state = event::next(job, &[happens])?;
    // No run of a step outlives its job here: on the server the release of the job has seen to it.
    steps::end_open(conn, now, job.id, step_state)?;
    statuses::apply(conn, now, job, &outcome)?;
    let ended = running::finish(conn, job, now, state, failure, effects.result.as_deref())?;
    let ended = ended.ok_or(QueueError::Fenced { job: job.id })?;
    lanes::free(conn, &job.lane, job.id)?;
    attempts::end(conn, now, job, state.as_str(), failure.map(|f| f.text.as_str()))?;
    event::of_job(conn, now, &ended)?;
    Ok(ended)
}
