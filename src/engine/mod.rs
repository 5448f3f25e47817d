//! The engine: runs one claimed job to its end, whatever the line, this process or the server do meanwhile.
//!
//! In reading order: [`decide`] (what comes next, from the rows alone), [`run`] (does it and records it), [`follow`] (one step on its
//! server), [`settle`] (what its end means), [`contact`] (the connection beside the steps), [`stored_log`] (the output on its way into
//! the database), [`ledger`] (every write, behind the claim's fence), [`planner`] and [`plans`] (what is to be done, from the
//! database), [`probe`] (where tests may hold or end it).

mod contact;
pub mod decide;
pub mod facts;
mod follow;
mod interrupt;
mod ledger;
pub mod output;
pub mod planner;
pub mod plans;
pub mod probe;
mod run;
mod settle;
mod stored_log;

use crate::clock::Clock;
use crate::domain::job::JobState;
use crate::engine::ledger::Ledger;
use crate::engine::planner::Planner;
use crate::engine::probe::Probe;
use crate::engine::run::Run;
use crate::queue::Claim;
use crate::queue::wake::Bell;
use crate::queue::{QueueError, RENEW_MS};
use crate::ssh::Remote;
use crate::store::Db;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How often a running job's lease is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(RENEW_MS as u64);

/// What an engine is made of.
#[derive(Clone)]
pub struct Parts<R> {
    pub db: Db,
    pub bell: Bell,
    pub clock: Arc<dyn Clock>,
    pub remote: R,
    pub planner: Arc<dyn Planner>,
    pub probe: Arc<dyn Probe>,
    /// Uniform over all `u64`: jitter.
    pub random: fn() -> u64,
    /// The uuid of this home, as servers know it.
    pub installation: String,
}

/// How a running job hears of the world.
#[derive(Clone)]
pub struct Signals {
    /// True: this process is to end; put the job back.
    pub drain: watch::Receiver<bool>,
    /// Something about the job may have changed (a cancel): look.
    pub poke: Arc<Notify>,
}

/// How an owner's work on a job ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Finished(JobState),
    /// It waits again: drained, backing off, or its lane is paused.
    PutBack,
    Attention,
    /// It is another owner's now.
    Fenced,
    /// Nothing could be written; the lease will run out and the job be taken over.
    Abandoned(String),
}

/// Runs claimed jobs; holds nothing that the database lacks.
pub struct Engine<R> {
    parts: Parts<R>,
}

impl<R: Remote + Clone + 'static> Engine<R> {
    pub fn new(parts: Parts<R>) -> Self {
        Self { parts }
    }

    /// Runs a job until it has ended or this owner must stop. Must be called inside a `LocalSet`.
    pub async fn run(&self, claim: Claim, signals: Signals) -> Ended {
        let (lost, fenced) = watch::channel(false);
        let (kind, uid) = (claim.job().kind, claim.job().uid.clone());
        let ledger =
            Ledger::new(self.parts.db.clone(), self.parts.bell.clone(), self.parts.clock.clone(), claim, fenced);
        let beat = tokio::task::spawn_local(heartbeat(ledger.clone(), lost));
        let mut run = Run::new(self, ledger.clone(), signals, uid);
        let ended = run.until_end(kind.as_str()).await;
        let ended = match ended {
            Ok(state) => {
                run.release(kind).await;
                Ended::Finished(state)
            }
            Err(interrupt) => run.hand_over(interrupt).await,
        };
        beat.abort();
        ended
    }

    /// A panic stopped [`Engine::run`]: the job goes back as from a worker that died, and counts as one more rescue.
    pub async fn after_panic(&self, claim: Claim, text: &str) {
        let (_, fenced) = watch::channel(false);
        let ledger =
            Ledger::new(self.parts.db.clone(), self.parts.bell.clone(), self.parts.clock.clone(), claim, fenced);
        if let Err(error) = ledger.put_back_after_panic(text).await {
            tracing::error!(%error, "the job of a panic could not be put back; its lease will run out");
        }
    }
}

/// Keeps the lease while the job runs; tells the run when the job is lost.
async fn heartbeat(ledger: Ledger, lost: watch::Sender<bool>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match ledger.renew().await {
            Ok(()) => {}
            Err(QueueError::Fenced { .. }) => {
                let _ = lost.send(true);
                return;
            }
            Err(error) => tracing::warn!(%error, "could not renew a lease"),
        }
    }
}

/// Runs what blocks (database, key, files) beside the reactor. A panic in it goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and with it whoever waits here.
            Err(_) => std::future::pending().await,
        },
    }
}
