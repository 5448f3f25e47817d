//! Mailboxes and lifetimes: which process runs which lane's jobs, and how it ends. No rules: those are the queue's and the engine's.
//!
//! A watcher hears of work (in this process, from others, by the clock) and tells the supervisor which lanes have some; the supervisor
//! has one actor per lane; an actor claims its lane's next job and hands it to the engine.

mod server;
mod supervisor;
mod watcher;

use crate::clock::{Clock, SystemClock};
use crate::config::Home;
use crate::domain::secret::Secret;
use crate::engine::plans::StorePlanner;
use crate::engine::probe::Quiet;
use crate::engine::{Engine, Parts, blocking};
use crate::queue::QueueError;
use crate::queue::wake::Bell;
use crate::queue::{Counters, Worker, WorkerKind};
use crate::ssh::{Remote, Ssh};
use crate::store::Db;
use actix::prelude::*;
use std::cell::{Cell, RefCell};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use supervisor::Supervisor;
use tokio::sync::{Notify, watch};

/// A drain writes a few rows; what does not come to an end in this time is left to whoever takes over.
const DRAIN_LIMIT: Duration = Duration::from_millis(1800);

/// What a process that runs jobs is to do.
#[derive(Clone, Debug)]
pub struct Options {
    pub kind: WorkerKind,
    /// Only this lane's jobs; all lanes' without it.
    pub only_lane: Option<String>,
    /// How long nothing may be due or running before [`Workers::until_idle`] resolves.
    pub idle_after: Duration,
    /// Counted up by whoever works here.
    pub counters: Arc<Counters>,
}

/// What the actors of one process share.
struct Shared<R> {
    db: Db,
    bell: Bell,
    clock: Arc<dyn Clock>,
    engine: Engine<R>,
    worker: Arc<Worker>,
    only_lane: Option<String>,
    counters: Arc<Counters>,
    drain: watch::Receiver<bool>,
    busy: Cell<usize>,
    /// Told whenever a lane of this process ends its work, and when the watcher has looked.
    changed: Notify,
    trouble: RefCell<Option<QueueError>>,
}

impl<R> Shared<R> {
    fn busy(self: &Rc<Self>) -> BusyGuard<R> {
        self.busy.set(self.busy.get() + 1);
        self.changed.notify_waiters();
        BusyGuard(self.clone())
    }

    /// The queue refused this process as a whole (a newer infrakt has taken the home over): it ends.
    fn trouble(&self, error: QueueError) {
        *self.trouble.borrow_mut() = Some(error);
        self.changed.notify_waiters();
    }
}

/// A lane is at work while this lives, a panic included.
struct BusyGuard<R>(Rc<Shared<R>>);

impl<R> Drop for BusyGuard<R> {
    fn drop(&mut self) {
        self.0.busy.set(self.0.busy.get() - 1);
        self.0.changed.notify_waiters();
    }
}

/// The workers of this process. Dropping it without [`Workers::drain`] leaves its jobs to be taken over.
pub struct Workers<R: Remote + Clone + Unpin + 'static> {
    shared: Rc<Shared<R>>,
    stop: watch::Sender<bool>,
    _supervisor: Addr<Supervisor<R>>,
    watcher: Rc<RefCell<Option<tokio::task::JoinHandle<()>>>>,
    carrier: tokio::task::JoinHandle<()>,
    options: Options,
}

impl<R: Remote + Clone + Unpin + 'static> Workers<R> {
    /// Registers this process and starts to run what is due. Must be called inside [`block_on`].
    pub async fn start(parts: Parts<R>, run_dir: &Path, options: Options) -> Result<Self, QueueError> {
        let (db, clock, kind, dir) = (parts.db.clone(), parts.clock.clone(), options.kind, run_dir.to_path_buf());
        let worker = blocking(move || Worker::start(&db, &dir, kind, clock.now_ms())).await?;
        let (bell, carried) = (parts.bell.clone(), parts.db.clone());
        let carrier = tokio::task::spawn_local(async move { bell.carry(carried).await });
        let (stop, drain) = watch::channel(false);
        let shared = Rc::new(Shared {
            db: parts.db.clone(),
            bell: parts.bell.clone(),
            clock: parts.clock.clone(),
            engine: Engine::new(parts),
            worker: Arc::new(worker),
            only_lane: options.only_lane.clone(),
            counters: options.counters.clone(),
            drain,
            busy: Cell::new(0),
            changed: Notify::new(),
            trouble: RefCell::new(None),
        });
        let supervisor = Supervisor::new(shared.clone()).start();
        let watcher = watcher::spawn(shared.clone(), supervisor.clone(), run_dir.to_path_buf());
        Ok(Self { shared, stop, _supervisor: supervisor, watcher, carrier, options })
    }

    /// Tells the home's other processes where this one serves the page.
    pub async fn serves_at(&self, url: String) -> Result<(), QueueError> {
        let worker = self.shared.worker.clone();
        blocking(move || worker.serves_at(&url)).await
    }

    /// Resolves when nothing has been due or running for a while, or when this process may not go on.
    pub async fn until_idle(&self) -> Result<(), QueueError> {
        watcher::until_idle(&self.shared, self.options.idle_after).await
    }

    /// Resolves only when this process may not go on: a newer infrakt has taken the home over.
    pub async fn until_trouble(&self) -> QueueError {
        loop {
            let changed = self.shared.changed.notified();
            if let Some(error) = self.shared.trouble.borrow_mut().take() {
                return error;
            }
            changed.await;
        }
    }

    /// Claims nothing more, puts the jobs back, leaves running steps running on their servers. Done within two seconds.
    pub async fn drain(self) {
        let _ = self.stop.send(true);
        let (db, worker) = (self.shared.db.clone(), self.shared.worker.clone());
        if let Err(error) = blocking(move || worker.drain(&db)).await {
            tracing::debug!(%error, "could not tell others that this process drains");
        }
        let quiet = async {
            loop {
                let changed = self.shared.changed.notified();
                if self.shared.busy.get() == 0 {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(DRAIN_LIMIT, quiet).await.is_err() {
            tracing::warn!("some jobs could not be put back in time; the next process takes them over");
        }
        if let Some(watcher) = self.watcher.borrow_mut().take() {
            watcher.abort();
        }
        self.carrier.abort();
        let (db, worker) = (self.shared.db.clone(), self.shared.worker.clone());
        let bell = self.shared.bell.clone();
        let gone = blocking(move || {
            let gone = worker.stop(&db);
            bell.ring();
            gone
        });
        if let Err(error) = gone.await {
            tracing::warn!(%error, "could not sign off; the next process finds this one gone");
        }
    }
}

/// Runs a future where actors live: one thread, until it is done.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    System::new().block_on(future)
}

/// The engine's parts as the product has them: the home's database, the real clock, real servers.
pub fn product_parts(
    db: Db,
    bell: Bell,
    remote: Ssh,
    installation: String,
    home: &Home,
    passphrase: Option<Secret<String>>,
) -> Parts<Ssh> {
    let planner = StorePlanner::new(db.clone(), home.master_key(), home.envs(), installation.clone(), passphrase);
    Parts {
        db,
        bell,
        clock: Arc::new(SystemClock),
        remote,
        planner: Arc::new(planner),
        probe: Arc::new(Quiet),
        random: rand::random,
        installation,
    }
}
