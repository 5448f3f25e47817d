//! The one reader: woken by the bell, it reads what is new and spreads it.

use super::{Event, Item, Shared, blocking};
use crate::queue::follow::{Events, events_after};
use crate::queue::wake::{Listener, NET};
use crate::service::ServiceError;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::task::JoinHandle;

/// Events that are read at once.
const PAGE: i64 = 500;

/// After an error of the database.
const AFTER_FAULT: Duration = Duration::from_secs(1);

pub(super) struct Reader(JoinHandle<()>);

impl Reader {
    pub(super) fn spawn(shared: Arc<Shared>, listener: Listener) -> Self {
        Self(tokio::spawn(run(shared, listener)))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(shared: Arc<Shared>, mut listener: Listener) {
    let mut seen = None;
    loop {
        match look(&shared, &mut seen).await {
            Ok(true) => continue,
            // Whether or not this process has somebody who carries hints to the bell: the net is looked at all the same.
            Ok(false) => {
                listener.heard_within(NET).await;
            }
            Err(error) => {
                tracing::warn!(%error, "the feed could not read what is new");
                seen = None;
                tokio::time::sleep(AFTER_FAULT).await;
            }
        }
    }
}

/// Reads and spreads one page. True: there may be more.
async fn look(shared: &Arc<Shared>, seen: &mut Option<i64>) -> Result<bool, ServiceError> {
    let (service, last, after) = (shared.service.clone(), *seen, shared.head.load(Relaxed));
    let (version, found) = blocking(move || {
        // Before the rows: a change between the two is seen by the next look.
        let version = service.db().data_version()?;
        let found = match last == Some(version) {
            true => None,
            false => Some(service.db().read(|conn| events_after(conn, after, PAGE))?),
        };
        Ok::<_, ServiceError>((version, found))
    })
    .await?;
    let events = match found {
        None => return Ok(false),
        Some(Events::Next(events)) => events,
        Some(Events::Reset { cursor }) => {
            // Only where the database was changed by hand under a living process: followers find it out by their own cursors.
            shared.head.store(cursor, Relaxed);
            return Ok(true);
        }
    };
    let full = events.len() as i64 == PAGE;
    for event in events {
        spread(shared, event).await?;
    }
    if !full {
        *seen = Some(version);
    }
    Ok(full)
}

async fn spread(shared: &Arc<Shared>, event: Event) -> Result<(), ServiceError> {
    if let Some(job) = event.job_id {
        shared.logs.spread(&shared.service, job, &event).await?;
    }
    let id = event.id;
    // Nobody may be there to hear it.
    let _ = shared.events.send(Item::new(event));
    shared.head.store(id, Relaxed);
    Ok(())
}
