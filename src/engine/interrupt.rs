//! Why a run of a job stops here, before the job's end.

use crate::domain::failure::Failure;
use crate::domain::server::HostKey;
use crate::queue::QueueError;
use crate::ssh::ConnectError;
use std::time::Duration;

/// Not an end of the job, but of this owner's work on it.
#[derive(Debug)]
pub enum Interrupt {
    /// The job is another owner's now: touch nothing.
    Fenced,
    /// This process is to end: the job goes back, what runs on the server goes on.
    Drain,
    /// Tried again later, within the budget of attempts.
    Retry { failure: Failure, delay: Duration },
    /// The job is put back already: its server is out of reach.
    PutBack,
    /// The server shows another key than the pinned one: the lane waits for a person.
    HostKey { pinned: HostKey, seen: HostKey },
    /// Only a person can say how to go on.
    Ask(Failure),
    /// The home's database cannot be written.
    Store(QueueError),
}

impl Interrupt {
    /// The interrupt behind a host key that is not the expected one; the error back where it is another.
    pub fn of_host_key(error: ConnectError) -> Result<Self, ConnectError> {
        match error {
            ConnectError::HostKeyChanged { pinned, seen } => Ok(Interrupt::HostKey { pinned, seen }),
            ConnectError::NotAsKnown { known, seen } => {
                let pinned = HostKey { key_type: seen.key_type.clone(), fingerprint: known };
                Ok(Interrupt::HostKey { pinned, seen })
            }
            other => Err(other),
        }
    }
}

impl From<QueueError> for Interrupt {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Fenced { .. } => Interrupt::Fenced,
            error => Interrupt::Store(error),
        }
    }
}

pub type Flow<T> = Result<T, Interrupt>;
