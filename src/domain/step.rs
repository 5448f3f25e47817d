//! A step: a named part of a job that runs on the server, detached from the connection, under an id chosen before it starts.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The id under which a step runs on the server: `<job uid>-<seq>-<run>`. A part of the wire format.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StepId(String);

impl StepId {
    pub fn new(job_uid: &str, seq: i32, run: i32) -> Self {
        Self(format!("{job_uid}-{seq}-{run}"))
    }

    /// From a stored `remote_id`.
    pub fn from_stored(remote_id: String) -> Self {
        Self(remote_id)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What to do when the server itself says that nobody knows how far a step came (a reboot, a power cut).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLost {
    /// Harmless to repeat: the next run number is started.
    Rerun,
    /// The plan's probe of the step decides: done, or run again.
    Verify,
    /// A person decides: the job goes to `attention`.
    Ask,
}

impl OnLost {
    pub const ALL: [OnLost; 3] = [OnLost::Rerun, OnLost::Verify, OnLost::Ask];

    pub fn as_str(self) -> &'static str {
        match self {
            OnLost::Rerun => "rerun",
            OnLost::Verify => "verify",
            OnLost::Ask => "ask",
        }
    }
}

/// How one run of a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// The intent is written; it may be running, or never have reached the server.
    Started,
    Succeeded,
    /// The server was so already; nothing was changed.
    Skipped,
    Failed,
    /// Nobody knows how far it came.
    Lost,
    Cancelled,
}

impl StepState {
    pub const ALL: [StepState; 6] = [
        StepState::Started,
        StepState::Succeeded,
        StepState::Skipped,
        StepState::Failed,
        StepState::Lost,
        StepState::Cancelled,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            StepState::Started => "started",
            StepState::Succeeded => "succeeded",
            StepState::Skipped => "skipped",
            StepState::Failed => "failed",
            StepState::Lost => "lost",
            StepState::Cancelled => "cancelled",
        }
    }

    /// Done: the plan goes on behind it, and no resume runs it again.
    pub fn is_done(self) -> bool {
        matches!(self, StepState::Succeeded | StepState::Skipped)
    }

    /// Ended, one way or the other: its row never changes again.
    pub fn is_over(self) -> bool {
        self != StepState::Started
    }
}

macro_rules! text_enum {
    ($type:ty, $what:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownWord;

            fn from_str(s: &str) -> Result<Self, UnknownWord> {
                <$type>::ALL
                    .into_iter()
                    .find(|v| v.as_str() == s)
                    .ok_or_else(|| UnknownWord { what: $what, word: s.to_owned() })
            }
        }
    };
}
pub(crate) use text_enum;

/// A stored word that this binary does not know: a newer one wrote it, or the database is damaged.
#[derive(Debug, thiserror::Error)]
#[error("`{word}` is no {what}")]
pub struct UnknownWord {
    pub what: &'static str,
    pub word: String,
}

text_enum!(OnLost, "answer to a lost step");
text_enum!(StepState, "state of a step");
