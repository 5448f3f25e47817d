//! Tries an ended job again, as a new job of the same snapshot, and decides which of its steps still count.

use super::enqueue::{Enqueued, NewJob, Snapshot, enqueue_as, not_being_destroyed};
use super::error::QueueError;
use super::{event, routes};
use crate::domain::job::{Job, JobKind, JobState, JobStep};
use crate::domain::plan::UNDO_SEQ;
use crate::store::{Conn, Db, apps, attempts, deployments, jobs, lanes, servers, steps};

/// What became of the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Retried {
    /// The new job, or the same request that waited already.
    pub enqueued: Enqueued,
    /// Names of the done steps that will count if nobody else gets the lane first. Empty: it starts over.
    pub kept: Vec<String>,
    /// Why it starts over, where it does and done steps there are.
    pub starts_over: Option<String>,
}

/// Tries a failed or cancelled job again.
pub fn retry(db: &Db, now: i64, job_id: i64, by: &str) -> Result<Retried, QueueError> {
    db.write(|conn| retry_in(conn, now, job_id, by))
}

/// The same in the transaction of whoever keeps more beside it.
pub fn retry_in(conn: &mut Conn, now: i64, job_id: i64, by: &str) -> Result<Retried, QueueError> {
    let old = jobs::find(conn, job_id)?.ok_or(QueueError::NoJob(job_id))?;
    match old.state {
        JobState::Failed | JobState::Cancelled => {}
        JobState::Blocked | JobState::Queued | JobState::Running | JobState::Attention | JobState::Succeeded => {
            return Err(QueueError::NotRetryable { job: job_id, state: old.state });
        }
    }
    let mut new = again(conn, &old, by)?;
    if old.kind == JobKind::Proxy {
        new.args = routes::change_again(conn, &old)?;
    }
    let enqueued = enqueue_as(conn, now, &new, Some(old.id))?;
    let done = countable(&steps::of_job(conn, old.id)?);
    let (kept, starts_over) = match &enqueued {
        Enqueued::Joined(_) => (Vec::new(), None),
        Enqueued::Created(job) | Enqueued::Replaced { job, .. } => match who_came_between(conn, &old, job)? {
            None => (done.into_iter().map(|step| step.name).collect(), None),
            Some(_) if done.is_empty() => (Vec::new(), None),
            Some(why) => (Vec::new(), Some(why)),
        },
    };
    Ok(Retried { enqueued, kept, starts_over })
}

/// The same request once more.
fn again(conn: &mut Conn, old: &Job, by: &str) -> Result<NewJob, QueueError> {
    let gone = |what| QueueError::Gone { job: old.id, what };
    let server_id = old.server_id.ok_or(gone("the server"))?;
    let server = servers::find(conn, server_id)?.ok_or(gone("the server"))?;
    let app = match old.app_id {
        Some(id) => {
            let app = apps::find(conn, id)?.ok_or(gone("the app"))?;
            // A destruction that is tried again joins the one that waits.
            let destroys = matches!(old.kind, JobKind::Destroy | JobKind::DbDestroy);
            if !destroys {
                not_being_destroyed(conn, &app)?;
            }
            Some((app.id, app.name))
        }
        None => None,
    };
    let snapshot = match old.deployment_id {
        Some(id) => {
            let spec = deployments::spec(conn, id)?.ok_or(gone("the deployment"))?;
            Some(Snapshot {
                app_id: spec.app_id,
                source: spec.source,
                env_sealed: spec.env_sealed,
                compose: spec.compose,
                resources: spec.resources,
                domains: spec.domains,
                spec_hash: spec.spec_hash,
            })
        }
        None => None,
    };
    Ok(NewJob {
        kind: old.kind,
        title: old.title.clone(),
        server_id,
        server_name: server.name,
        app,
        snapshot,
        args: old.args.clone(),
        args_version: old.args_version,
        priority: old.priority,
        unique_key: old.unique_key.clone(),
        coalesce_key: old.coalesce_key.clone(),
        requested_by: by.to_owned(),
    })
}

/// The done steps at the beginning that nothing has undone: behind a step that was not done, or that was cleaned up after, nothing
/// counts.
fn countable(all: &[JobStep]) -> Vec<JobStep> {
    let mut done = Vec::new();
    for seq in 1..UNDO_SEQ {
        let undone = all.iter().any(|step| step.seq == seq + UNDO_SEQ);
        let last = all.iter().filter(|step| step.seq == seq).max_by_key(|step| step.run);
        match last {
            Some(step) if step.state.is_done() && !undone => done.push(step.clone()),
            _ => break,
        }
    }
    done
}

/// As it looks at the moment of the request: who gets, or has had, the lane between the two.
fn who_came_between(conn: &mut Conn, old: &Job, new: &Job) -> Result<Option<String>, QueueError> {
    let Some(lane) = lanes::find(conn, &old.lane)? else { return Ok(None) };
    if lane.epoch != old.fence {
        return Ok(Some(format!("another job ran on {} since", old.server_name)));
    }
    let ahead = jobs::first_waiting(conn, &old.lane)?.filter(|first| first.id != new.id);
    Ok(ahead.map(|first| format!("job {} ({}) goes first", first.id, first.title)))
}

/// At each claim before the new job's first step: the done steps of the old one are its own, if all claims of the lane since were
/// its own; otherwise it has none.
pub(crate) fn take_over_done_steps(conn: &mut Conn, now: i64, job: &Job) -> Result<(), QueueError> {
    let Some(old) = (match job.retry_of {
        Some(id) => jobs::find(conn, id)?,
        None => None,
    }) else {
        return Ok(());
    };
    let had = steps::delete_all(conn, job.id)?;
    // Each claim raises the epoch by one: the lane was nobody else's if this job's claims are all there were.
    let own_claims = attempts::count(conn, job.id)?;
    if job.fence - old.fence == own_claims {
        for step in countable(&steps::of_job(conn, old.id)?) {
            steps::copy_done(conn, &step, job.id, job.fence)?;
        }
    } else if had > 0 {
        event::job_note(conn, now, job, "starts over: another job ran on the server since")?;
    }
    Ok(())
}
