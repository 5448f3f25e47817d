//! What the room did so far, for the metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the room was made; read each with `.get()`.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that reached a login.
    pub connections: Count,
    pub connect_failures: Count,
    /// Connections that broke or fell silent.
    pub lost: Count,
    pub channels: Count,
    /// Of these, opened before they were needed: each saved a round trip.
    pub channels_ahead: Count,
    pub commands: Count,
    /// Followers of steps that said nothing any more on servers that live; each was replaced on the same connection.
    pub followers_replaced: Count,
    pub script_uploads: Count,
    /// Of logs and of command output.
    pub bytes_received: Count,
}

#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(super) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }
}
