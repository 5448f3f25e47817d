//! Servers over SSH: connections with a pinned host key, short commands, and steps that outlive their connection.
//!
//! In reading order: `types`, `error`, `remote` (what the room offers, as types and traits), `client` (`Ssh`) and `connection` (the
//! handle); behind them, on threads of the room's own (`room`), `resolve`, `open`, `host_key`, `login` and `key_file` make a session,
//! `live` serves it over `stream`, `exec` runs short commands on a leash (`words`), and `steps`, `frames`, `verdict`, `script` speak the
//! wire format of `infrakt-step.sh`.
//!
//! Deliberately absent: retries. A connection is tried once, a broken session is thrown away; what to do then is the caller's.

mod child;
mod client;
mod connection;
mod counters;
pub mod error;
mod exec;
mod frames;
mod host_key;
mod key_file;
mod live;
mod login;
mod open;
pub mod remote;
mod resolve;
mod room;
mod script;
mod steps;
mod stream;
mod sudo;
pub mod types;
mod verdict;
mod words;

pub use client::Ssh;
pub use connection::Connection;
pub use counters::{Count, Counters};
pub use error::{ConnectError, LineError};
pub use key_file::is_locked;
pub use remote::{Line, Remote};
pub use resolve::{Resolved, Via};
pub use script::{STEP_SCRIPT, sha256, step_script_sha256};
pub use types::{Exit, Frame, Output, Piece, Settings, StepAnswer, StepCall, StepRef, StepResult, Target};
