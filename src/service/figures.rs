//! Figures for the metrics: what waits and runs, from the database; what happened, counted as the feed tells it.

use super::feed::Feed;
use super::feed::events::{Filter, Told};
use super::{Service, ServiceError, feed};
use crate::domain::job::JobState;
use crate::queue::Counters;
use crate::ssh;
use crate::store::{jobs, steps};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// Jobs of a server that have not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub server: String,
    pub state: JobState,
    pub count: i64,
    /// How long the one that is due first is due, in milliseconds; 0 where none is.
    pub due_since_ms: i64,
}

impl Service {
    pub fn waiting_jobs(&self) -> Result<Vec<Waiting>, ServiceError> {
        let now = self.now_ms();
        let rows = self.db().read(jobs::alive_by_server)?;
        let figure = |row: jobs::AliveCount| Waiting {
            due_since_ms: if row.state == JobState::Queued { (now - row.first_run_at).max(0) } else { 0 },
            server: row.server_name,
            state: row.state,
            count: row.count,
        };
        Ok(rows.into_iter().map(figure).collect())
    }

    /// Of this process's workers and connections, by the names that the metrics give them.
    pub fn process_figures(&self) -> Vec<(&'static str, &'static str, u64)> {
        let (jobs, ssh): (&Counters, &ssh::Counters) = (self.counters(), self.ssh().counters());
        vec![
            ("job_claims", "Jobs that this process's workers claimed", jobs.claims.get()),
            ("job_rescues", "Jobs taken over from processes that were gone", jobs.rescues.get()),
            ("job_fenced", "Jobs whose owner here was refused a write: another one has them", jobs.fenced.get()),
            ("job_panics", "Jobs that stopped at a fault of infrakt's own", jobs.panics.get()),
            ("ssh_connections", "SSH connections made", ssh.connections.get()),
            ("ssh_connect_failures", "SSH connections that could not be made", ssh.connect_failures.get()),
            ("ssh_connections_lost", "SSH connections that broke or fell silent; each is made anew", ssh.lost.get()),
            ("ssh_channels", "Channels opened on SSH connections", ssh.channels.get()),
            ("ssh_commands", "Commands run over SSH", ssh.commands.get()),
            ("ssh_received_bytes", "Bytes of logs and output received over SSH", ssh.bytes_received.get()),
        ]
    }
}

/// What happened in the home, whichever process did it, since this one began to count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Happened {
    /// Ended jobs by kind and state.
    pub ended: BTreeMap<(String, String), u64>,
    /// Tries of jobs beyond their first.
    pub retries: u64,
    /// Runs of steps by name and how they ended: how many, and their milliseconds together.
    pub steps: BTreeMap<(String, String), (u64, i64)>,
    /// Of jobs that have not ended: the attempts used when last told.
    attempts: HashMap<i64, i64>,
}

/// Counts what the feed tells, for as long as this lives.
pub struct Tally {
    happened: Arc<Mutex<Happened>>,
    counting: JoinHandle<()>,
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.counting.abort();
    }
}

impl Tally {
    pub fn start(service: Service, feed: &Feed) -> Self {
        let happened = Arc::<Mutex<Happened>>::default();
        let (counted, feed) = (happened.clone(), feed.clone());
        Self { happened, counting: tokio::spawn(async move { count(&service, &feed, &counted).await }) }
    }

    pub fn so_far(&self) -> Happened {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn count(service: &Service, feed: &Feed, counted: &Mutex<Happened>) {
    let mut follower = feed.follow(None, Filter::default());
    loop {
        match follower.next().await {
            Ok(Told::Event(item)) => {
                let took = took(service, &item.value).await;
                counted.lock().unwrap_or_else(PoisonError::into_inner).add(&item.value, took);
            }
            Ok(Told::Reset { .. }) => {}
            Ok(Told::Lagged) => follower = feed.follow(Some(follower.cursor()), Filter::default()),
            Ok(Told::Closing) => return,
            Err(error) => {
                tracing::warn!(%error, "the metrics could not follow the events");
                tokio::time::sleep(crate::queue::wake::NET).await;
            }
        }
    }
}

/// How long the run of a step took, in milliseconds, where the event says that one has ended.
async fn took(service: &Service, event: &feed::Event) -> Option<i64> {
    let (job, "step") = (event.job_id?, event.kind.as_str()) else { return None };
    let data: Value = serde_json::from_str(&event.data).ok()?;
    let number = |key: &str| data[key].as_i64().and_then(|n| i32::try_from(n).ok());
    let (seq, run) = (number("seq")?, number("run")?);
    if data["state"] == "started" {
        return None;
    }
    let service = service.clone();
    let step = feed::blocking(move || service.db().read(|conn| steps::find(conn, job, seq, run))).await.ok()??;
    Some(step.finished_at? - step.started_at)
}

impl Happened {
    fn add(&mut self, event: &feed::Event, took: Option<i64>) {
        let data: Value = serde_json::from_str(&event.data).unwrap_or_default();
        let word = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
        match event.kind.as_str() {
            "step" => {
                let Some(took) = took else { return };
                let (runs, ms) = self.steps.entry((word("name"), word("state"))).or_default();
                *runs += 1;
                *ms += took;
            }
            "job" => {
                let Some(id) = event.job_id else { return };
                if let (Some(attempt), true) = (data["attempt"].as_i64(), data["note"].is_null()) {
                    let before = self.attempts.insert(id, attempt).unwrap_or(attempt);
                    self.retries += u64::try_from(attempt - before).unwrap_or_default();
                }
                if JobState::ALL.iter().any(|state| state.is_final() && data["state"] == state.as_str()) {
                    self.attempts.remove(&id);
                    *self.ended.entry((word("kind"), word("state"))).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}
