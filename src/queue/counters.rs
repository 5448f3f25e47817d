//! What the process's own workers did so far, for the metrics: what the rows do not keep for ever, or never knew.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts since the process began.
#[derive(Debug, Default)]
pub struct Counters {
    pub claims: Count,
    /// Jobs taken over from processes that were gone.
    pub rescues: Count,
    /// Jobs whose owner here was refused a write, because they are another one's by now.
    pub fenced: Count,
    /// Jobs that ended their owner's code with a panic.
    pub panics: Count,
}

#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }
}
