//! The variables that infrakt reads, each with its meaning. Nothing else in the program looks at the environment.

use super::ConfigError;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// What `INFRAKT_WAIT` says about commands that enqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitDefault {
    Always,
    Never,
}

/// A variable that is set to something; an empty one counts as not set.
fn set(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

fn text(name: &str) -> Option<String> {
    set(name).map(|value| value.to_string_lossy().into_owned())
}

/// `INFRAKT_HOME`.
pub(super) fn infrakt_home() -> Option<PathBuf> {
    set("INFRAKT_HOME").map(PathBuf::from)
}

/// The user's own home folder.
pub(super) fn user_home() -> Option<PathBuf> {
    set("HOME").map(PathBuf::from)
}

/// `INFRAKT_WAIT=always|never`: whether commands that enqueue wait for the end when no flag says it.
pub fn wait_default() -> Result<Option<WaitDefault>, ConfigError> {
    let Some(value) = text("INFRAKT_WAIT") else { return Ok(None) };
    match value.as_str() {
        "always" => Ok(Some(WaitDefault::Always)),
        "never" => Ok(Some(WaitDefault::Never)),
        _ => Err(ConfigError::BadVariable { name: "INFRAKT_WAIT", value, allowed: "`always` or `never`" }),
    }
}

/// `INFRAKT_SSH_PASSPHRASE`: opens encrypted private keys. A secret: the caller wraps it.
pub fn ssh_passphrase() -> Option<String> {
    text("INFRAKT_SSH_PASSPHRASE")
}

/// `INFRAKT_LOG`: what to log, as tracing's filters are written (`info`, `infrakt::engine=debug`).
pub fn log_filter() -> Option<String> {
    text("INFRAKT_LOG")
}

/// `INFRAKT_LOG_FORMAT=json`.
pub fn log_json() -> bool {
    text("INFRAKT_LOG_FORMAT").is_some_and(|format| format == "json")
}

/// `NOTIFY_SOCKET`: where systemd listens for word of this service.
pub fn notify_socket() -> Option<OsString> {
    set("NOTIFY_SOCKET")
}

/// `NO_COLOR`, or a terminal that can do nothing.
pub fn no_color() -> bool {
    set("NO_COLOR").is_some() || text("TERM").is_some_and(|term| term == "dumb")
}

/// `COLUMNS`, where the terminal itself does not say.
pub fn columns() -> Option<usize> {
    text("COLUMNS")?.parse().ok().filter(|columns| *columns >= 20)
}

/// Who asks, for the record of a job: the login name.
pub fn requested_by() -> String {
    text("SUDO_USER").or_else(|| text("USER")).or_else(|| text("LOGNAME")).unwrap_or_else(|| "cli".to_owned())
}

/// This binary, to start it again as a detached worker.
pub fn current_exe() -> Result<PathBuf, ConfigError> {
    env::current_exe().map_err(|source| ConfigError::Io { path: PathBuf::from("infrakt"), source })
}

/// The folder a relative `--home` is meant from.
pub(super) fn current_dir() -> Result<PathBuf, ConfigError> {
    env::current_dir().map_err(|source| ConfigError::Io { path: PathBuf::from("."), source })
}

/// The words this process was called with, for those that read them before the command line is parsed.
pub fn arguments() -> Vec<OsString> {
    env::args_os().collect()
}
