//! Why a connection could not be made, or was lost; and what a person is told.

use crate::domain::failure::{Class, Failure, code};
use crate::domain::server::HostKey;
use crate::ssh::sudo;
use std::path::PathBuf;

/// Why there is no connection. Nothing was done on the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Host or user are nothing one can connect to.
    #[error("{0}")]
    BadTarget(String),
    /// No name, no route, nobody listens, or the line broke before the login.
    #[error("{0}")]
    Unreachable(String),
    /// The peer did not answer in time while this was asked of it.
    #[error("no answer in time ({0})")]
    Timeout(&'static str),
    /// The server accepts the connection and closes it without a word: it is starting, full, or keeps this address out for a while
    /// after failed logins.
    #[error("the server accepts the connection and closes it without a word")]
    TurnedAway,
    /// Another key than the pinned one.
    #[error("the host key has changed: pinned is {pinned}, the server shows {seen}")]
    HostKeyChanged { pinned: HostKey, seen: HostKey },
    /// Nothing is pinned, and the user's known_hosts names another key for this host (or revokes this one).
    #[error("the user's known_hosts has {known} for this host, the server shows {seen}")]
    NotAsKnown { known: String, seen: HostKey },
    /// The server answered, and took none of the keys.
    #[error("the server refuses the login of `{user}` ({offered})")]
    LoginRefused { user: String, offered: String },
    /// The key file cannot be read or is no private key.
    #[error("the key file {} cannot be used: {reason}", path.display())]
    BadKey { path: PathBuf, reason: String },
    /// The key file is encrypted, and neither a passphrase nor the agent opened it.
    #[error("the key file {} is encrypted and {reason}", path.display())]
    PassphraseNeeded { path: PathBuf, reason: &'static str },
    /// Something on this machine is missing or failed.
    #[error("{0}")]
    Local(String),
}

impl ConnectError {
    /// For people and for the retry rule.
    pub fn failure(&self, server: &str) -> Failure {
        let text = |what: &str| format!("cannot connect to {server}: {what}");
        match self {
            ConnectError::BadTarget(why) => Failure::permanent("bad_target", text(why))
                .with_hint(format!("`infrakt server show {server}` shows what is recorded")),
            ConnectError::Unreachable(why) => Failure::transient(code::UNREACHABLE, text(why))
                .with_hint(format!("is it up, and are host and port right? `infrakt server show {server}`")),
            ConnectError::Timeout(_) => Failure::transient(code::UNREACHABLE, text(&self.to_string()))
                .with_hint("is it up, and does a firewall let SSH through?"),
            ConnectError::TurnedAway => Failure::transient(code::UNREACHABLE, text(&self.to_string()))
                .with_hint("after failed logins OpenSSH keeps an address out for a while: wait some minutes"),
            ConnectError::HostKeyChanged { .. } => Failure::permanent(code::HOST_KEY, text(&self.to_string())).with_hint(
                format!("if the server was set up anew, `infrakt server trust {server}`; if not, somebody may be in between"),
            ),
            ConnectError::NotAsKnown { .. } => Failure::permanent(code::HOST_KEY, text(&self.to_string())).with_hint(
                "if the server was set up anew, take its old key out of known_hosts (`ssh-keygen -R HOST`); if not, somebody may be in between",
            ),
            ConnectError::LoginRefused { user, .. } => Failure::permanent(code::LOGIN_REFUSED, text(&self.to_string()))
                .with_hint(format!("put the public key into ~/.ssh/authorized_keys of `{user}` there, or load the right one into the agent with `ssh-add`")),
            ConnectError::BadKey { .. } => Failure::permanent(code::LOGIN_REFUSED, text(&self.to_string()))
                .with_hint("put the private key there, readable for you alone"),
            ConnectError::PassphraseNeeded { .. } => Failure::permanent(code::LOGIN_REFUSED, text(&self.to_string()))
                .with_hint("load it into the agent with `ssh-add`, or set INFRAKT_SSH_PASSPHRASE"),
            ConnectError::Local(why) => Failure::transient("local", text(why)),
        }
    }
}

/// The connection failed while something was asked of it: it is to be thrown away. What was under way on the server may go on there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Cut, reset, closed, or the protocol broke.
    #[error("the connection was lost ({0})")]
    Lost(String),
    /// The peer is silent; during what.
    #[error("the server does not answer ({0})")]
    Silent(&'static str),
    /// The bytes are not what the step script writes.
    #[error("the server's answer makes no sense ({0})")]
    Garbage(String),
    /// A short command was not done within its limit and was stopped.
    #[error("the command took longer than {0} s")]
    Slow(u64),
    /// A read needs root, and `sudo -n` refuses or is missing; its own line.
    #[error("{0}")]
    NoSudo(String),
}

impl LineError {
    /// For people and for the retry rule.
    pub fn failure(&self, server: &str) -> Failure {
        match self {
            LineError::Lost(_) | LineError::Silent(_) | LineError::Garbage(_) => {
                Failure::transient(code::UNREACHABLE, format!("lost {server}: {self}"))
            }
            LineError::Slow(_) => Failure::transient(code::TIMED_OUT, format!("{server} is slow: {self}")),
            LineError::NoSudo(line) => no_sudo(server, line),
        }
    }
}

/// The failure behind `StepAnswer::NoSudo` and `LineError::NoSudo`.
pub fn no_sudo(server: &str, line: &str) -> Failure {
    Failure::new(Class::Permanent, code::NO_SUDO, format!("no root on {server}: {line}")).with_hint(sudo::hint(line))
}
