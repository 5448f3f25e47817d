//! Follows the event stream from a cursor.

use super::{Event, Feed, Item, Shared, wait_for_close};
use crate::queue::follow::{Events, events_after};
use crate::service::apps::{self, AppRef};
use crate::service::{Service, ServiceError, servers};
use crate::store::jobs;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// Events that a follower reads at once from behind its cursor.
const PAGE: i64 = 200;

/// Which events are wanted; what is left out is all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    pub server_id: Option<i64>,
    pub app_id: Option<i64>,
    pub job_id: Option<i64>,
}

impl Filter {
    fn wants(&self, event: &Event) -> bool {
        let same = |wanted: Option<i64>, is: Option<i64>| wanted.is_none() || wanted == is;
        same(self.server_id, event.server_id) && same(self.app_id, event.app_id) && same(self.job_id, event.job_id)
    }
}

impl Service {
    /// The filter for things as people name them: what is not there is refused.
    pub fn event_filter(
        &self,
        server: Option<&str>,
        app: Option<&AppRef>,
        job: Option<i64>,
    ) -> Result<Filter, ServiceError> {
        self.db().read(|conn| {
            let server_id = server.map(|name| servers::find(conn, name)).transpose()?.map(|server| server.id);
            let app_id = app.map(|app| apps::find(conn, app)).transpose()?.map(|app| app.id);
            if let Some(id) = job
                && jobs::find(conn, id)?.is_none()
            {
                return Err(ServiceError::NoJob { id });
            }
            Ok(Filter { server_id, app_id, job_id: job })
        })
    }
}

/// What a follower is told.
#[derive(Debug)]
pub enum Told {
    Event(Arc<Item<Event>>),
    /// What is behind the cursor is gone, or it was never given out: read the present state, then go on from here.
    Reset {
        cursor: i64,
    },
    /// It was too slow: it ends, and may come back with its cursor.
    Lagged,
    /// The process ends.
    Closing,
}

pub struct Follower {
    shared: Arc<Shared>,
    filter: Filter,
    cursor: i64,
    /// Read and not told yet.
    read: VecDeque<Arc<Item<Event>>>,
    /// None while it reads what is behind its cursor.
    live: Option<broadcast::Receiver<Arc<Item<Event>>>>,
    /// Subscribed already, and one more look at the database is due before it is heard.
    joining: Option<broadcast::Receiver<Arc<Item<Event>>>>,
    closing: watch::Receiver<bool>,
}

impl Feed {
    /// Follows from behind `after`; from now on without it.
    pub fn follow(&self, after: Option<i64>, filter: Filter) -> Follower {
        Follower {
            shared: self.shared.clone(),
            filter,
            cursor: after.unwrap_or_else(|| self.head()),
            read: VecDeque::new(),
            live: None,
            joining: None,
            closing: self.shared.closing.subscribe(),
        }
    }
}

impl Follower {
    /// It has all that is behind its cursor, and hears what comes.
    pub fn is_at_head(&self) -> bool {
        self.live.is_some() && self.read.is_empty()
    }

    /// Everything up to here was told, or was not wanted.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// What comes next. May be dropped and asked for again: nothing is lost. After [`Told::Lagged`] and [`Told::Closing`] there is
    /// nothing.
    pub async fn next(&mut self) -> Result<Told, ServiceError> {
        let closing = self.closing.clone();
        tokio::select! {
            biased;
            () = wait_for_close(closing) => Ok(Told::Closing),
            told = self.told() => told,
        }
    }

    async fn told(&mut self) -> Result<Told, ServiceError> {
        loop {
            while let Some(item) = self.read.pop_front() {
                self.cursor = item.value.id;
                if self.filter.wants(&item.value) {
                    return Ok(Told::Event(item));
                }
            }
            let Some(live) = &mut self.live else {
                if let Some(reset) = self.read_behind().await? {
                    return Ok(reset);
                }
                continue;
            };
            match live.recv().await {
                Ok(item) if item.value.id > self.cursor => self.read.push_back(item),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Ok(Told::Lagged),
                // The feed is gone with its process's end.
                Err(RecvError::Closed) => return Ok(Told::Closing),
            }
        }
    }

    async fn read_behind(&mut self) -> Result<Option<Told>, ServiceError> {
        let after = self.cursor;
        match self.shared.behind(move |service| service.db().read(|conn| events_after(conn, after, PAGE))).await? {
            Events::Reset { cursor } => {
                self.cursor = cursor;
                self.joining = None;
                return Ok(Some(Told::Reset { cursor }));
            }
            Events::Next(events) => {
                let all = (events.len() as i64) < PAGE;
                self.read.extend(events.into_iter().map(Item::new));
                // Joined by subscribing first and looking once more.
                match self.joining.take() {
                    Some(joined) if all => self.live = Some(joined),
                    _ if all => self.joining = Some(self.shared.events.subscribe()),
                    _ => {}
                }
            }
        }
        Ok(None)
    }
}
