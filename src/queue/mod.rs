//! The rules of the job table: what may happen to a job, in which transaction, and who may do it.
//!
//! In the order of a job's life: [`enqueue`] → [`claim`] → [`record`] (plan, steps, log; [`observe`]: what it saw of the server) → [`finish`], [`put_back`] or [`outage`]; from outside:
//! [`cancel`], [`answer`] (resolve, bump, pause), [`retry`], [`recover`], [`abandon`], [`rename`]. [`routes`] gathers what is asked of a server's routes. [`worker`] says who lives, [`wake`] that something changed,
//! [`follow`] and [`view`] what; [`Counters`] counts.
//!
//! Everything blocks and takes the time as a parameter. A runner's right to write is a [`claim::Claim`]: each of its writes looks
//! in its own transaction whether the claim still stands, and says [`QueueError::Fenced`] when it does not.

pub mod abandon;
pub mod answer;
pub mod cancel;
pub mod claim;
mod counters;
pub mod enqueue;
mod error;
mod event;
pub mod finish;
pub mod follow;
pub mod idempotency;
mod log_text;
pub mod observe;
pub mod outage;
pub mod prune;
pub mod put_back;
pub mod record;
pub mod recover;
pub mod rename;
pub mod retry;
pub mod routes;
mod statuses;
pub mod view;
pub mod volumes;
pub mod wake;
pub mod worker;

pub use claim::Claim;
pub use counters::Counters;
pub use error::QueueError;
pub use worker::{Worker, WorkerKind};

/// How long a claim holds without a sign of life.
pub const LEASE_MS: i64 = 60_000;

/// How often the owner renews: three renewals may fail before anyone takes over.
pub const RENEW_MS: i64 = 15_000;

/// Nothing new is started on a server with less than this left of the lease.
pub const LEASE_RESERVE_MS: i64 = 20_000;

/// So many take-overs without a finished step in between, and a person is asked: the job ends the process that runs it.
pub const MAX_RESCUES: i32 = 5;

/// What is kept here of one step's log; the rest is named.
pub const STEP_LOG_KEPT: i64 = 16 * 1024 * 1024;
