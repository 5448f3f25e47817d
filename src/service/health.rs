//! Whether this process can do what it is for. Answered to everybody: it names no path and nothing of the home.

use super::Service;
use crate::config;
use serde::Serialize;

/// Below this the database is near its end.
const FREE_BYTES: u64 = 64 << 20;

#[derive(Clone, Debug, Serialize)]
pub struct Health {
    /// `ok`, or `degraded` where it is not ready.
    pub status: &'static str,
    /// Requests are taken and jobs are run.
    pub ready: bool,
    /// Why it is not ready.
    pub reasons: Vec<Reason>,
    pub version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Stable: `database`, `disk`, `no_worker`, `draining`.
    pub code: &'static str,
    pub text: &'static str,
}

impl Service {
    /// `draining`: this process is about to end.
    pub fn health(&self, draining: bool) -> Health {
        let mut reasons = Vec::new();
        let mut add = |code, text| reasons.push(Reason { code, text });
        if draining {
            add("draining", "this process is about to end");
        }
        match self.somebody_runs() {
            Ok(true) => {}
            Ok(false) => add("no_worker", "no process is there to run jobs"),
            Err(error) => {
                tracing::warn!(%error, "the health was asked for, and the database does not answer");
                add("database", "the database does not answer");
            }
        }
        if self.db().disk_is_full() || config::free_bytes(self.home().dir()).is_ok_and(|free| free < FREE_BYTES) {
            add("disk", "the disk is full, or nearly so");
        }
        let ready = reasons.is_empty();
        Health { status: if ready { "ok" } else { "degraded" }, ready, reasons, version: env!("CARGO_PKG_VERSION") }
    }
}
