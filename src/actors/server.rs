//! The actor of one server's lane: claims its next job, runs it, one at a time. Holds nothing that the database lacks.

use super::Shared;
use crate::engine::blocking;
use crate::engine::{Ended, Signals};
use crate::queue::{Claim, LEASE_MS, QueueError, claim};
use crate::ssh::Remote;
use actix::prelude::*;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::Notify;

/// Its lane has work that is due.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Due;

/// Something about the running job may have changed: look.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Poke;

pub(super) struct ServerActor<R: Remote + Clone + Unpin + 'static> {
    lane: String,
    shared: Rc<Shared<R>>,
    running: bool,
    /// Told that work is due while a job ran: look again behind it.
    again: bool,
    poke: Arc<Notify>,
}

impl<R: Remote + Clone + Unpin + 'static> ServerActor<R> {
    pub(super) fn new(lane: String, shared: Rc<Shared<R>>) -> Self {
        Self { lane, shared, running: false, again: false, poke: Arc::new(Notify::new()) }
    }

    /// The only place that starts a job.
    fn look(&mut self, ctx: &mut Context<Self>) {
        if self.running {
            self.again = true;
            return;
        }
        self.running = true;
        self.again = false;
        let (shared, lane, poke) = (self.shared.clone(), self.lane.clone(), self.poke.clone());
        // Not `ctx.wait`: the mailbox stays open, a poke must reach the running job.
        let work = async move {
            let _busy = shared.busy();
            claim_and_run(&shared, &lane, poke).await
        };
        let work = work.into_actor(self);
        ctx.spawn(work.map(|worked, actor, ctx| {
            actor.running = false;
            // Behind a job there may be the next one; where there was none, only a new hint is a reason to look again.
            if worked || actor.again {
                actor.look(ctx);
            }
        }));
    }
}

/// True when a job was claimed.
async fn claim_and_run<R: Remote + Clone + Unpin + 'static>(shared: &Shared<R>, lane: &str, poke: Arc<Notify>) -> bool {
    if *shared.drain.borrow() {
        return false;
    }
    let claim = match shared.claim(lane).await {
        Ok(Some(claim)) => claim,
        Ok(None) => return false,
        Err(error @ QueueError::TooOld { .. }) => {
            shared.trouble(error);
            return false;
        }
        Err(error) => {
            // The watcher's next round asks again.
            tracing::error!(%error, lane, "could not claim");
            return false;
        }
    };
    shared.counters.claims.add(1);
    let id = claim.id();
    tracing::info!(job.id = id, lane, fence = claim.fence(), "job claimed");
    let signals = Signals { drain: shared.drain.clone(), poke };
    // Building the future may panic as well as polling it: both are inside.
    let run = AssertUnwindSafe(async { shared.engine.run(claim.clone(), signals).await }).catch_unwind();
    match run.await {
        Ok(ended) => {
            tracing::info!(job.id = id, lane, ?ended, "job left");
            if ended == Ended::Fenced {
                shared.counters.fenced.add(1);
            }
            // Who cannot write would claim again at once and fail again: the watcher's next round is soon enough.
            !matches!(ended, Ended::Abandoned(_) | Ended::Fenced)
        }
        Err(panic) => {
            let text = panic_text(panic.as_ref());
            tracing::error!(job.id = id, lane, text, "a job panicked");
            shared.counters.panics.add(1);
            shared.engine.after_panic(claim, &text).await;
            true
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "panic without a text".to_owned())
}

impl<R: Remote + Clone + Unpin + 'static> Actor for ServerActor<R> {
    type Context = Context<Self>;
}

impl<R: Remote + Clone + Unpin + 'static> Handler<Due> for ServerActor<R> {
    type Result = ();

    fn handle(&mut self, _: Due, ctx: &mut Context<Self>) {
        self.look(ctx);
    }
}

impl<R: Remote + Clone + Unpin + 'static> Handler<Poke> for ServerActor<R> {
    type Result = ();

    fn handle(&mut self, _: Poke, _: &mut Context<Self>) {
        if self.running {
            // Keeps one permit: a poke between two looks of the job is not lost.
            self.poke.notify_one();
        }
    }
}

impl<R: Remote + Clone + Unpin + 'static> Shared<R> {
    async fn claim(&self, lane: &str) -> Result<Option<Claim>, QueueError> {
        let (db, clock, worker, lane) = (self.db.clone(), self.clock.clone(), self.worker.clone(), lane.to_owned());
        blocking(move || claim::claim_next(&db, &lane, &worker, clock.now_ms(), LEASE_MS)).await
    }
}
