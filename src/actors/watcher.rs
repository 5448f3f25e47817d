//! The watcher: hears that something may have changed and asks the database what is due. A hint carries no truth.

use super::Shared;
use super::supervisor::{LanesAsked, LanesDue, Supervisor};
use crate::engine::blocking;
use crate::queue::prune::{self, Keep};
use crate::queue::{QueueError, RENEW_MS, claim, recover, worker};
use crate::ssh::Remote;
use crate::store::{Db, jobs, lanes, workers};
use actix::prelude::*;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Without any hint: work is looked for all the same, and so are dead workers.
const ROUND: Duration = Duration::from_secs(5);
/// Old jobs, logs and events are forgotten at a worker's start and then this often.
const PRUNE_EVERY_MS: i64 = 60 * 60 * 1000;
/// After a panic or an error of a round.
const AFTER_FAULT: Duration = Duration::from_secs(1);

/// One round's findings.
struct Found {
    lanes: Vec<String>,
    /// Lanes whose running job is to be cancelled.
    asked: Vec<String>,
    /// When the next job is due that is not due now.
    next_due_ms: Option<i64>,
}

/// Starts the watching; a panic of a round starts it anew.
pub(super) fn spawn<R: Remote + Clone + Unpin + 'static>(
    shared: Rc<Shared<R>>,
    supervisor: Addr<Supervisor<R>>,
    run_dir: PathBuf,
) -> Rc<RefCell<Option<JoinHandle<()>>>> {
    let slot = Rc::new(RefCell::new(None));
    *slot.borrow_mut() = Some(tokio::task::spawn_local(async move {
        loop {
            let watching = tokio::task::spawn_local(watch(shared.clone(), supervisor.clone(), run_dir.clone()));
            let abort = AbortOnDrop(watching);
            let ended = abort.join().await;
            tracing::error!(?ended, "the watcher ended; started anew");
            tokio::time::sleep(AFTER_FAULT).await;
        }
    }));
    slot
}

struct AbortOnDrop(JoinHandle<()>);

impl AbortOnDrop {
    async fn join(mut self) -> Result<(), tokio::task::JoinError> {
        (&mut self.0).await
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch<R: Remote + Clone + Unpin + 'static>(
    shared: Rc<Shared<R>>,
    supervisor: Addr<Supervisor<R>>,
    run_dir: PathBuf,
) {
    let mut listener = shared.bell.listen_for_work();
    let mut beaten = shared.clock.now_ms();
    let mut pruned = None;
    let mut dead_looked_for = None;
    loop {
        // The listener counts: what changes between this question and the wait below is heard.
        let beat = shared.clock.now_ms() - beaten >= RENEW_MS;
        if beat {
            beaten = shared.clock.now_ms();
        }
        // All that runs is looked through by the clock alone: what a hint costs does not grow with it.
        let for_dead = dead_looked_for.is_none_or(|at: Instant| at.elapsed() >= ROUND);
        if for_dead {
            dead_looked_for = Some(Instant::now());
        }
        let wait = match look(&shared, &run_dir, beat, for_dead).await {
            Ok(found) => {
                let now = shared.clock.now_ms();
                let wait = found.next_due_ms.map_or(ROUND, |due| Duration::from_millis((due - now).max(0) as u64));
                supervisor.do_send(LanesDue(found.lanes));
                if !found.asked.is_empty() {
                    supervisor.do_send(LanesAsked(found.asked));
                }
                wait.min(ROUND.saturating_sub(dead_looked_for.map_or(ROUND, |at| at.elapsed())))
            }
            Err(error @ QueueError::TooOld { .. }) => {
                shared.trouble(error);
                return;
            }
            Err(error) => {
                tracing::warn!(%error, "could not look for work");
                AFTER_FAULT
            }
        };
        shared.changed.notify_waiters();
        let now = shared.clock.now_ms();
        if pruned.is_none_or(|at| now - at >= PRUNE_EVERY_MS) {
            pruned = Some(now);
            forget_what_is_old(&shared);
        }
        tokio::select! {
            () = listener.heard() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn look<R>(shared: &Shared<R>, run_dir: &Path, beat: bool, for_dead: bool) -> Result<Found, QueueError> {
    let (db, clock, run_dir) = (shared.db.clone(), shared.clock.clone(), run_dir.to_path_buf());
    let (worker, only, counters) = (shared.worker.clone(), shared.only_lane.clone(), shared.counters.clone());
    blocking(move || {
        let now = clock.now_ms();
        if beat {
            // Seldom: each write wakes every process of the home.
            worker.beat(&db, now)?;
        }
        if for_dead || somebody_died(&db, &run_dir)? {
            counters.rescues.add(recover::take_over_dead(&db, &run_dir, now)?.len() as u64);
        }
        let mut found = db.read(|conn| {
            let (lanes, asked) = (lanes::with_work(conn, now)?, lanes::asked_to_cancel(conn)?);
            Ok::<_, QueueError>(Found { lanes, asked, next_due_ms: lanes::next_ready(conn, now)? })
        })?;
        if let Some(only) = &only {
            found.lanes.retain(|lane| lane == only);
        }
        Ok(found)
    })
    .await
}

/// A try of each process's lock: there are few.
fn somebody_died(db: &Db, run_dir: &Path) -> Result<bool, QueueError> {
    Ok(worker::living(db, run_dir)?.len() < db.read(workers::list)?.len())
}

/// Beside everything else: who waits for work does not wait for this.
fn forget_what_is_old<R>(shared: &Shared<R>) {
    let (db, now) = (shared.db.clone(), shared.clock.now_ms());
    tokio::task::spawn_blocking(move || match prune::prune(&db, now, &Keep::default()) {
        Ok(gone) => tracing::debug!(jobs = gone.jobs, events = gone.events, "forgot what is old"),
        Err(error) => tracing::warn!(%error, "could not forget what is old"),
    });
}

/// Nothing runs, nothing is due, nothing will be due by itself, for `quiet` without a break.
pub(super) async fn until_idle<R>(shared: &Shared<R>, quiet: Duration) -> Result<(), QueueError> {
    loop {
        let changed = shared.changed.notified();
        if let Some(error) = shared.trouble.borrow_mut().take() {
            return Err(error);
        }
        if shared.busy.get() > 0 || !nothing_waits(shared).await? {
            changed.await;
            continue;
        }
        if tokio::time::timeout(quiet, shared_work(shared)).await.is_err() {
            return Ok(());
        }
    }
}

/// Resolves when a lane of this process begins to work or a job waits again.
async fn shared_work<R>(shared: &Shared<R>) {
    loop {
        let changed = shared.changed.notified();
        if shared.busy.get() > 0 {
            return;
        }
        changed.await;
    }
}

async fn nothing_waits<R>(shared: &Shared<R>) -> Result<bool, QueueError> {
    let (db, clock, only) = (shared.db.clone(), shared.clock.clone(), shared.only_lane.clone());
    blocking(move || {
        let now = clock.now_ms();
        let due = claim::lanes_with_work(&db, now)?;
        let due = due.iter().any(|lane| only.as_ref().is_none_or(|only| only == lane));
        // Another process's job counts: it may have to be taken over.
        Ok(!due && !db.read(jobs::any_running)? && claim::next_due(&db, now)?.is_none())
    })
    .await
}
