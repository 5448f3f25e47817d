//! One event per change, written in the transaction of the change.

use super::error::QueueError;
use crate::domain::job::{Job, JobEvent, JobState, JobStep};
use crate::store::events::{self, Subject};
use crate::store::{Conn, StoreError, jobs};
use serde_json::json;

/// Tells what became of a job; reads it anew.
pub(crate) fn job(conn: &mut Conn, now: i64, id: i64) -> Result<Job, QueueError> {
    let job = jobs::find(conn, id)?.ok_or(QueueError::NoJob(id))?;
    of_job(conn, now, &job)?;
    Ok(job)
}

/// The same of a job that was just read.
pub(crate) fn of_job(conn: &mut Conn, now: i64, job: &Job) -> Result<(), StoreError> {
    let data = json!({
        "kind": job.kind, "title": job.title, "state": job.shown_state(), "reason": job.wait_reason, "run_at": job.run_at,
        "attempt": job.attempt,
    });
    events::insert(conn, now, "job", Subject::job(job), &data)
}

/// Something about a job that changes no state and that people should know.
pub(crate) fn job_note(conn: &mut Conn, now: i64, job: &Job, note: &str) -> Result<(), StoreError> {
    let data = json!({ "kind": job.kind, "title": job.title, "state": job.shown_state(), "note": note });
    events::insert(conn, now, "job", Subject::job(job), &data)
}

pub(crate) fn step(conn: &mut Conn, now: i64, job: &Job, step: &JobStep) -> Result<(), StoreError> {
    let data = json!({
        "seq": step.seq, "run": step.run, "name": step.name, "state": step.state, "exit_code": step.exit_code,
    });
    events::insert(conn, now, "step", Subject::job(job), &data)
}

pub(crate) fn log(conn: &mut Conn, now: i64, job: &Job, from: i64, to: i64) -> Result<(), StoreError> {
    events::insert(conn, now, "log", Subject::job(job), &json!({ "seq_from": from, "seq_to": to }))
}

pub(crate) fn status(conn: &mut Conn, now: i64, kind: &str, about: Subject, status: &str) -> Result<(), StoreError> {
    events::insert(conn, now, kind, about, &json!({ "status": status }))
}

/// The state after the events, or the refusal of the status machine.
pub(crate) fn next(job: &Job, happens: &[JobEvent]) -> Result<JobState, QueueError> {
    happens
        .iter()
        .try_fold(job.state, |state, event| state.next(*event))
        .map_err(|source| QueueError::Illegal { job: job.id, source })
}
