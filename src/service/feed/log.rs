//! Follows one job's log by the numbers of its chunks, to the job's end.

use super::{Chunk, Event, Feed, Item, Shared, blocking, wait_for_close};
use crate::domain::job::JobState;
use crate::service::{Service, ServiceError};
use crate::store::{jobs, logs};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

/// Batches of chunks a follower may be behind the head before it is dropped.
const BATCHES_KEPT: usize = 256;

/// Chunks that are read at once; one holds at most 32 KiB.
pub const PAGE: i64 = 64;

/// Followed jobs.
#[derive(Default)]
pub(super) struct Logs {
    jobs: Mutex<HashMap<i64, broadcast::Sender<News>>>,
}

#[derive(Clone)]
enum News {
    Chunks(Arc<Vec<Arc<Item<Chunk>>>>),
    Ended { state: JobState, last: i64 },
}

impl Logs {
    fn subscribe(&self, job: i64) -> broadcast::Receiver<News> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        jobs.entry(job).or_insert_with(|| broadcast::Sender::new(BATCHES_KEPT)).subscribe()
    }

    /// The job's followers, if there are any; a job that nobody follows any more is forgotten.
    fn followed(&self, job: i64) -> Option<broadcast::Sender<News>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.get(&job)?.receiver_count() == 0 {
            jobs.remove(&job);
        }
        jobs.get(&job).cloned()
    }

    /// Reads what an event tells of, once for all followers of its job.
    pub(super) async fn spread(&self, service: &Service, job: i64, event: &Event) -> Result<(), ServiceError> {
        if !matches!(event.kind.as_str(), "log" | "job") {
            return Ok(());
        }
        let Some(followers) = self.followed(job) else { return Ok(()) };
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        if event.kind == "log" {
            let (Some(from), Some(to)) = (data["seq_from"].as_i64(), data["seq_to"].as_i64()) else { return Ok(()) };
            let mut after = from - 1;
            while after < to {
                let (service, limit) = (service.clone(), (to - after).min(PAGE));
                let chunks = blocking(move || service.db().read(|conn| logs::after(conn, job, after, limit))).await?;
                let Some(last) = chunks.last() else { break };
                after = last.seq;
                let _ = followers.send(News::Chunks(Arc::new(chunks.into_iter().map(Item::new).collect())));
            }
        } else if let Some(state) = data["state"].as_str().and_then(ended) {
            let service = service.clone();
            let last = blocking(move || service.db().read(|conn| logs::last_seq(conn, job))).await?;
            let _ = followers.send(News::Ended { state, last });
            self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&job);
        }
        Ok(())
    }
}

fn ended(word: &str) -> Option<JobState> {
    JobState::ALL.into_iter().find(|state| state.is_final() && state.as_str() == word)
}

/// A part of a job's log.
#[derive(Clone, Debug)]
pub struct LogPage {
    pub chunks: Vec<Chunk>,
    /// None: the job has ended and this is the end of its log.
    pub next: Option<i64>,
    pub state: JobState,
}

impl Service {
    /// The chunks behind `after` (0: from the first), at most `limit` and [`PAGE`].
    pub fn job_log(&self, id: i64, after: i64, limit: i64) -> Result<LogPage, ServiceError> {
        self.db().read(|conn| {
            // One state of the database: a job that has ended here has no later chunk.
            let state = jobs::find(conn, id)?.ok_or(ServiceError::NoJob { id })?.state;
            let limit = limit.clamp(1, PAGE);
            let chunks = logs::after(conn, id, after, limit)?;
            let last = chunks.last().map_or(after, |chunk| chunk.seq);
            let over = state.is_final() && (chunks.len() as i64) < limit;
            Ok(LogPage { chunks, next: (!over).then_some(last), state })
        })
    }
}

/// What a follower of a log is told.
#[derive(Debug)]
pub enum Told {
    Chunk(Arc<Item<Chunk>>),
    /// The job has ended and all of its log was told.
    Ended(JobState),
    /// As for events.
    Lagged,
    Closing,
}

pub struct Follower {
    shared: Arc<Shared>,
    job: i64,
    cursor: i64,
    read: VecDeque<Arc<Item<Chunk>>>,
    /// The job's end, once everything read is told.
    end: Option<JobState>,
    live: Option<broadcast::Receiver<News>>,
    joining: Option<broadcast::Receiver<News>>,
    closing: watch::Receiver<bool>,
}

impl Feed {
    /// Follows a job's log from behind the chunk `after` (0: from the first). A job that is not there is refused at once.
    pub async fn follow_log(&self, job: i64, after: i64) -> Result<Follower, ServiceError> {
        let mut follower = Follower {
            shared: self.shared.clone(),
            job,
            cursor: after.max(0),
            read: VecDeque::new(),
            end: None,
            live: None,
            joining: None,
            closing: self.shared.closing.subscribe(),
        };
        follower.read_behind().await?;
        Ok(follower)
    }
}

impl Follower {
    /// It has all that is behind its cursor, and hears what comes.
    pub fn is_at_head(&self) -> bool {
        self.live.is_some() && self.read.is_empty()
    }

    /// As [`super::events::Follower::next`]; after [`Told::Ended`] there is nothing either.
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
                if item.value.seq > self.cursor {
                    self.cursor = item.value.seq;
                    return Ok(Told::Chunk(item));
                }
            }
            if let Some(state) = self.end {
                return Ok(Told::Ended(state));
            }
            let Some(live) = &mut self.live else {
                self.read_behind().await?;
                continue;
            };
            match live.recv().await {
                // The numbers are dense: a hole is something that the database has and this follower has not.
                Ok(News::Chunks(chunks)) if chunks.first().is_some_and(|first| first.value.seq > self.cursor + 1) => {
                    self.live = None;
                }
                Ok(News::Chunks(chunks)) => self.read.extend(chunks.iter().cloned()),
                Ok(News::Ended { last, .. }) if last > self.cursor => self.live = None,
                Ok(News::Ended { state, .. }) => self.end = Some(state),
                Err(RecvError::Lagged(_)) => return Ok(Told::Lagged),
                // Forgotten with the job's end, or with the process's: the database says which.
                Err(RecvError::Closed) => self.live = None,
            }
        }
    }

    async fn read_behind(&mut self) -> Result<(), ServiceError> {
        let (job, after) = (self.job, self.cursor);
        let page = self.shared.behind(move |service| service.job_log(job, after, PAGE)).await?;
        let all = (page.chunks.len() as i64) < PAGE;
        self.read.extend(page.chunks.into_iter().map(Item::new));
        if page.next.is_none() {
            self.end = Some(page.state);
            return Ok(());
        }
        // Joined by subscribing first and looking once more.
        match self.joining.take() {
            Some(joined) if all => self.live = Some(joined),
            _ if all => self.joining = Some(self.shared.logs.subscribe(self.job)),
            _ => {}
        }
        Ok(())
    }
}
