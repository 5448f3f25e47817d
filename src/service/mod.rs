//! What a user can do: check, write, enqueue, read. Shared by the command line and the API; one file per noun.
//!
//! Nothing here prints, asks or waits for a job: a request is checked and written in one transaction, and what is read comes
//! back as a view with stable fields.

pub mod app_reads;
pub mod app_work;
pub mod apps;
pub mod contact;
pub mod dashboard;
pub mod databases;
pub mod deployments;
pub mod doctor;
mod dotenv_text;
pub mod env;
pub mod env_changes;
mod error;
pub mod feed;
pub mod figures;
pub mod health;
pub mod idempotency;
pub mod jobs;
pub mod keys;
pub mod names;
pub mod proxy;
mod secrets;
pub mod servers;
mod sources;
mod takeover;
mod time;
mod usable;

pub use error::{Kind, ServiceError};
pub use takeover::TakenHome;
pub use time::Time;

use crate::clock::Clock;
use crate::config::Home;
use crate::domain::secret::Secret;
use crate::queue::Counters;
use crate::queue::wake::Bell;
use crate::ssh::Ssh;
use crate::store::{Db, meta};
use crate::vault::MasterKey;
use std::sync::{Arc, OnceLock};

/// Rows that are read at once: lists go by page, nothing loads a table.
pub const PAGE: i64 = 500;

/// How many names are looked at for a "did you mean".
const NEAR_LIMIT: i64 = 1000;

/// The door. Cheap to clone; opens the database at once, the master key and connections only when they are needed.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
    /// What this request's jobs are remembered under.
    ask: Option<Arc<idempotency::Ask>>,
}

struct Inner {
    home: Home,
    clock: Arc<dyn Clock>,
    db: Db,
    taken_over: Option<TakenHome>,
    ssh: Ssh,
    passphrase: OnceLock<Secret<String>>,
    key: OnceLock<MasterKey>,
    bell: OnceLock<Bell>,
    counters: Arc<Counters>,
}

impl Service {
    /// Opens a home; makes it if it is missing, and takes it over where the first release made it.
    pub fn open(
        home: Home,
        clock: Arc<dyn Clock>,
        ssh: Ssh,
        passphrase: Option<Secret<String>>,
    ) -> Result<Self, ServiceError> {
        home.prepare()?;
        let (db, taken_over) = takeover::open(&home, clock.now_ms())?;
        let (key, bell, counters) = (OnceLock::new(), OnceLock::new(), Arc::default());
        let passphrase = passphrase.map(OnceLock::from).unwrap_or_default();
        let inner = Inner { home, clock, db, taken_over, ssh, passphrase, key, bell, counters };
        Ok(Self { inner: Arc::new(inner), ask: None })
    }

    pub fn home(&self) -> &Home {
        &self.inner.home
    }

    pub fn db(&self) -> &Db {
        &self.inner.db
    }

    /// A number that is another one after each commit, of whatever process: what was read under it before is still true.
    pub fn data_version(&self) -> Result<i64, ServiceError> {
        Ok(self.db().data_version()?)
    }

    pub fn ssh(&self) -> &Ssh {
        &self.inner.ssh
    }

    /// What this process's workers did, where it has some.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.inner.counters
    }

    /// For encrypted private keys.
    pub fn passphrase(&self) -> Option<Secret<String>> {
        self.inner.passphrase.get().cloned()
    }

    /// For this process and those it starts; kept in memory only. The first one that is said counts.
    pub fn remember_passphrase(&self, passphrase: Secret<String>) {
        let _ = self.inner.passphrase.set(passphrase);
    }

    /// The uuid under which servers know this home.
    pub fn installation(&self) -> Result<String, ServiceError> {
        // The migrations make it.
        Ok(self.db().read(meta::installation)?.unwrap_or_default())
    }

    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.clock
    }

    pub fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
    }
}

/// All rows of a paged list up to `limit`, for what is short by nature.
fn up_to<T, E>(
    limit: i64,
    id: impl Fn(&T) -> i64,
    mut page: impl FnMut(Option<i64>, i64) -> Result<Vec<T>, E>,
) -> Result<Vec<T>, E> {
    let mut all: Vec<T> = Vec::new();
    loop {
        let left = (limit - all.len() as i64).min(PAGE);
        let rows = page(all.last().map(&id), left)?;
        let full = rows.len() as i64 == left;
        all.extend(rows);
        if !full || all.len() as i64 >= limit {
            return Ok(all);
        }
    }
}
