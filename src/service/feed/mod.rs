//! The feed: one reader of the database a process, which spreads what happens to any number of followers.
//!
//! A follower first reads what is behind its cursor from the database itself, in pages, then joins what the reader spreads: it
//! subscribes before its last page, so that nothing is missed, and passes over what it has seen, so that nothing comes twice. Whoever
//! is at the head costs no query. Nothing is kept for one that is slow: it is told so and ends, and comes back with its cursor.
//!
//! [`events`] follows the event stream, [`log`] one job's log; `reader` is the one that reads.

pub mod events;
pub mod log;
mod reader;

pub use crate::store::events::Event;
pub use crate::store::logs::Chunk;

use super::{Service, ServiceError};
use log::Logs;
use reader::Reader;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use tokio::sync::{Semaphore, broadcast, watch};

/// Events a follower may be behind the head before it is dropped.
const EVENTS_KEPT: usize = 4096;

/// Followers that read what is behind their cursor at the same time: each needs a connection to the database while it does.
const READERS: usize = 4;

/// Something that goes to many, and how it looks on the wire: made by the first who asks, shared by all.
#[derive(Debug)]
pub struct Item<T> {
    pub value: T,
    wire: OnceLock<Arc<[u8]>>,
}

impl<T> Item<T> {
    fn new(value: T) -> Arc<Self> {
        Arc::new(Self { value, wire: OnceLock::new() })
    }

    pub fn wire(&self, make: impl FnOnce(&T) -> Vec<u8>) -> Arc<[u8]> {
        self.wire.get_or_init(|| make(&self.value).into()).clone()
    }
}

/// This process's feed. Cheap to clone; the reader ends with the last clone.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
    _reader: Arc<Reader>,
}

struct Shared {
    service: Service,
    /// The id of the last event that was spread.
    head: AtomicI64,
    events: broadcast::Sender<Arc<Item<Event>>>,
    logs: Logs,
    closing: watch::Sender<bool>,
    behind: Semaphore,
}

impl Feed {
    /// Starts the reader on the runtime that this is called on; what happened before is not spread.
    pub async fn start(service: Service) -> Result<Self, ServiceError> {
        // Listening first: what is committed behind the question for the head is heard.
        let listener = service.bell()?.listen();
        let asked = service.clone();
        let head = blocking(move || asked.db().read(crate::queue::follow::event_cursor)).await?;
        let shared = Arc::new(Shared {
            service,
            head: AtomicI64::new(head),
            events: broadcast::Sender::new(EVENTS_KEPT),
            logs: Logs::default(),
            closing: watch::Sender::new(false),
            behind: Semaphore::new(READERS),
        });
        let reader = Arc::new(Reader::spawn(shared.clone(), listener));
        Ok(Self { shared, _reader: reader })
    }

    /// The cursor from which on everything that comes is new.
    pub fn head(&self) -> i64 {
        self.shared.head.load(Relaxed)
    }

    /// Ends all followers: each is told. Those that come later end at once.
    pub fn close(&self) {
        self.shared.closing.send_replace(true);
    }

    /// Resolves when the feed was closed.
    pub async fn closed(&self) {
        wait_for_close(self.shared.closing.subscribe()).await;
    }
}

async fn wait_for_close(mut closing: watch::Receiver<bool>) {
    if closing.wait_for(|closing| *closing).await.is_err() {
        std::future::pending::<()>().await;
    }
}

impl Shared {
    /// Reads for one follower; waits while too many others do.
    async fn behind<T: Send + 'static, E: Into<ServiceError> + Send + 'static>(
        &self,
        read: impl FnOnce(&Service) -> Result<T, E> + Send + 'static,
    ) -> Result<T, ServiceError> {
        // It is never closed.
        let _turn = self.behind.acquire().await;
        let service = self.service.clone();
        blocking(move || read(&service)).await
    }
}

/// Diesel blocks.
pub(super) async fn blocking<T: Send + 'static, E: Into<ServiceError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, ServiceError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Into::into),
        Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
        // The runtime ends, and everything on it.
        Err(_) => std::future::pending().await,
    }
}
