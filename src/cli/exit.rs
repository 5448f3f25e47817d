//! How a command ends: the exit codes, and a failure as people read it.

use crate::config::ConfigError;
use crate::domain::failure::code;
use crate::domain::job::JobState;
use crate::logging::BadFilter;
use crate::service::{Kind, ServiceError};

pub const DONE: u8 = 0;
/// The job or the operation failed.
pub const FAILED: u8 = 1;
/// Wrong usage.
pub const USAGE: u8 = 2;
/// Not found, or ambiguous.
pub const NOT_FOUND: u8 = 3;
/// Refused: conflicts with what is there.
pub const REFUSED: u8 = 4;
/// The server cannot be reached, refuses the login, or shows another host key.
pub const UNREACHABLE: u8 = 5;
/// The job was cancelled.
pub const CANCELLED: u8 = 6;
/// The job needs a person.
pub const ATTENTION: u8 = 7;
/// `--timeout` ran out; the job goes on.
pub const TIMED_OUT: u8 = 124;
/// Detached; the job goes on.
pub const DETACHED: u8 = 130;

/// Why a command ends early.
#[derive(Debug)]
pub enum Stop {
    /// To be said as `error: …` and `hint: …`.
    Error { exit: u8, text: String, hint: Option<String> },
    /// Whoever read the output has gone: nothing is left to say.
    PipeClosed,
    /// All is said already.
    Quiet(u8),
}

impl Stop {
    pub fn new(exit: u8, text: impl Into<String>) -> Self {
        Stop::Error { exit, text: text.into(), hint: None }
    }

    pub fn usage(text: impl Into<String>) -> Self {
        Stop::new(USAGE, text)
    }

    pub fn hint(self, said: impl Into<String>) -> Self {
        match self {
            Stop::Error { exit, text, .. } => Stop::Error { exit, text, hint: Some(said.into()) },
            other => other,
        }
    }
}

pub type Done = Result<u8, Stop>;

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Stop::PipeClosed,
            _ => Stop::new(FAILED, format!("cannot write: {error}")),
        }
    }
}

impl From<ConfigError> for Stop {
    fn from(error: ConfigError) -> Self {
        let exit = match error {
            ConfigError::NoHome | ConfigError::BadVariable { .. } => USAGE,
            ConfigError::NetworkFileSystem { .. } => REFUSED,
            ConfigError::NotAFolder { .. } | ConfigError::Io { .. } => FAILED,
        };
        Stop::Error { exit, text: error.to_string(), hint: error.hint().map(str::to_owned) }
    }
}

impl From<BadFilter> for Stop {
    fn from(error: BadFilter) -> Self {
        Stop::usage(error.to_string())
    }
}

impl From<ServiceError> for Stop {
    fn from(error: ServiceError) -> Self {
        let exit = match error.kind() {
            Kind::NotFound | Kind::Ambiguous => NOT_FOUND,
            Kind::Conflict => REFUSED,
            Kind::Invalid => USAGE,
            Kind::Unreachable => UNREACHABLE,
            Kind::Internal => FAILED,
        };
        Stop::Error { exit, text: error.to_string(), hint: error.hint() }
    }
}

/// The exit code of a job that was followed to where it stands; `error_code` is the code of its failure.
pub fn of_job(state: JobState, error_code: Option<&str>) -> u8 {
    match state {
        JobState::Succeeded => DONE,
        JobState::Failed => match error_code {
            Some(code::UNREACHABLE | code::LOGIN_REFUSED | code::HOST_KEY) => UNREACHABLE,
            Some(code::VOLUME_UNKNOWN) => REFUSED,
            _ => FAILED,
        },
        JobState::Cancelled => CANCELLED,
        JobState::Attention => ATTENTION,
        JobState::Blocked | JobState::Queued | JobState::Running => DETACHED,
    }
}
