//! The plan of a job: a straight list of steps, and the lines by which a step's body speaks to the engine.

use crate::domain::secret::Secret;
use crate::domain::step::{OnLost, StepId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Clean-up steps have the sequence number of their step plus this.
pub const UNDO_SEQ: i32 = 100;

/// What is to be done for one job. Made by `ops` from facts alone: the same facts give the same plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Raised when an operation's steps change their meaning; a binary follows only versions it knows.
    pub version: i64,
    /// In order; the sequence number of the first is 1.
    pub steps: Vec<PlanStep>,
}

/// One step of a plan.
#[derive(Clone, Debug)]
pub struct PlanStep {
    /// What `--wait` shows: one lower-case word, such as `fetch`.
    pub name: &'static str,
    pub body: Body,
    /// Kept by the server from the step's first start on.
    pub limit: Duration,
    pub on_lost: OnLost,
    /// Asked when `on_lost` is `Verify` and the server says `lost`: exit 0 means the step is done, 1 that it is not.
    pub probe: Option<Body>,
    /// Runs after a failure or cancel of the job if this step had begun; repeatable. Undone in reverse order.
    pub undo: Option<Body>,
    /// The body waits for `$INFRAKT_CONFIRM`: the engine opens a new connection and confirms over it.
    pub confirm: bool,
}

/// A script and what it reads from `$INFRAKT_IN`.
#[derive(Clone, Debug)]
pub struct Body {
    /// Constant for a given binary: whatever differs between jobs travels in the payload, so that its hash stays.
    pub script: Arc<str>,
    /// Shell assignments, sourced by the script; may hold secrets.
    pub payload: Secret<Arc<[u8]>>,
}

/// What a job keeps of its plan, from its first claim to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPlan {
    pub steps: Vec<StoredStep>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredStep {
    pub name: String,
    /// Lower-case hex.
    pub script_sha256: String,
    pub on_lost: OnLost,
}

/// A line by which a step's body tells the engine something: `::infrakt <step id> <key> <value>`.
/// The step id, unknown to whatever else prints into the log (a build, a container), keeps others from speaking.
///
/// Keys: `skipped` (it was so already; value: what was found) · `note` (said to people) · `fail` (value: `<class> <code> <text>`)
/// · `hint` · `serving` (`yes`, `no`: whether the version before serves) · `url` (shown behind the step) · any other: a fact that the
/// operation's end records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub key: String,
    pub value: String,
}

impl Marker {
    /// Reads one line of a step's log (without its line end).
    pub fn parse(line: &str, step: &StepId) -> Option<Self> {
        let rest = line.strip_prefix("::infrakt ")?.strip_prefix(step.as_str())?.strip_prefix(' ')?;
        let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
        Some(Self { key: key.to_owned(), value: value.trim_end().to_owned() })
    }

    /// Whether a line is a marker of any step; followers leave such lines out.
    pub fn is_one(line: &[u8]) -> bool {
        line.starts_with(b"::infrakt ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_steps_own_id_speaks() {
        let id = StepId::new("0190-u", 1, 1);
        let line = "::infrakt 0190-u-1-1 fail permanent image_missing no such image";
        let marker = Marker::parse(line, &id).unwrap();
        assert_eq!((marker.key.as_str(), marker.value.as_str()), ("fail", "permanent image_missing no such image"));
        assert_eq!(Marker::parse(line, &StepId::new("0190-u", 1, 2)), None);
        assert_eq!(Marker::parse("::infrakt 0190-u-1-10 x y", &id), None);
    }
}
