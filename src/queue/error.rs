//! Why the queue refuses.

use crate::domain::job::{IllegalEvent, JobState};
use crate::store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The job is not this claim's any more: stop, and touch nothing, neither here nor on the server.
    #[error("job {job} belongs to another owner now")]
    Fenced { job: i64 },
    /// Somebody asked for a cancel: nothing new is begun.
    #[error("job {job} is being cancelled")]
    Cancelling { job: i64 },
    /// The database asks for a newer program: claim nothing more, put back what runs, end.
    #[error("the database needs infrakt {needs} or newer, this is {own}")]
    TooOld { needs: String, own: &'static str },
    #[error("there is no job {0}")]
    NoJob(i64),
    #[error("job {job}: {source}")]
    Illegal { job: i64, source: IllegalEvent },
    /// Something of which only one may be alive is there already, and asks for something else.
    #[error("job {job} ({title}) is {state} already")]
    AlreadyAlive { job: i64, title: String, state: &'static str },
    #[error("job {job} is {state}: it waits for no answer")]
    NoQuestion { job: i64, state: &'static str },
    #[error("job {job} has begun: it keeps its turn")]
    HasBegun { job: i64 },
    #[error("job {job} is {state}: only a failed or cancelled job can be tried again")]
    NotRetryable { job: i64, state: JobState },
    #[error("job {job} is {state}: it does not wait for its turn")]
    NotWaiting { job: i64, state: &'static str },
    /// Nothing is accepted for what is about to go.
    #[error("{app} is being destroyed: job {job}")]
    BeingDestroyed { job: i64, app: String },
    /// What the job was about is gone.
    #[error("{what} of job {job} is gone")]
    Gone { job: i64, what: &'static str },
    /// The run of the step is over, or was never begun.
    #[error("run {run} of step {seq} of job {job} is not under way")]
    NoSuchRun { job: i64, seq: i32, run: i32 },
    /// A part of the log that does not follow what is stored: go on at `stored`.
    #[error("the log of step {seq} of job {job} is stored up to {stored}, not {given}")]
    LogPosition { job: i64, seq: i32, stored: i64, given: i64 },
    /// The key was used for another request.
    #[error("this idempotency key was used for another request")]
    KeyReused,
    #[error("cannot use {}: {reason}", path.display())]
    Run { path: std::path::PathBuf, reason: String },
}
