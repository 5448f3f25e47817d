//! What can go wrong, in one shape: a class (retry or not), a stable code, a text and a hint for people.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Whether trying again can help. Retrying reads the class and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// May pass by itself: tried again within a budget.
    Transient,
    /// Stays until somebody changes something: fails at once.
    Permanent,
    /// Somebody asked for it to stop.
    Cancelled,
    /// Nobody knows how far it came.
    Unknown,
}

impl Class {
    pub const ALL: [Class; 4] = [Class::Transient, Class::Permanent, Class::Cancelled, Class::Unknown];

    pub fn as_str(self) -> &'static str {
        match self {
            Class::Transient => "transient",
            Class::Permanent => "permanent",
            Class::Cancelled => "cancelled",
            Class::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Class {
    type Err = UnknownClass;

    fn from_str(s: &str) -> Result<Self, UnknownClass> {
        Class::ALL.into_iter().find(|c| c.as_str() == s).ok_or_else(|| UnknownClass(s.to_owned()))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no error class")]
pub struct UnknownClass(pub String);

/// Codes with a meaning of their own: exit codes, the API and the engine look at these. Any other code is only shown.
pub mod code {
    /// No TCP connection or no SSH handshake: the server is down, silent or the address is wrong.
    pub const UNREACHABLE: &str = "unreachable";
    /// The server refused every key that was offered.
    pub const LOGIN_REFUSED: &str = "login_refused";
    /// The server shows another host key than the pinned one.
    pub const HOST_KEY: &str = "host_key";
    /// The user is not root and `sudo -n` does not work.
    pub const NO_SUDO: &str = "no_sudo";
    /// A step's body ended with a status other than 0 and said nothing more exact.
    pub const STEP_FAILED: &str = "step_failed";
    /// A step ran into its time limit.
    pub const TIMED_OUT: &str = "timed_out";
    /// The kernel ended a step for memory.
    pub const OUT_OF_MEMORY: &str = "out_of_memory";
    /// A step was killed on the server by somebody else.
    pub const KILLED: &str = "killed";
    /// A loopback port drawn for an app is taken by someone else: another is drawn, no attempt used.
    pub const PORT_TAKEN: &str = "port_taken";
    /// The app's folder or compose project belongs to another infrakt.
    pub const FOREIGN_APP: &str = "foreign_app";
    /// A database's volume is on the server already, and this home does not know its password: refused.
    pub const VOLUME_UNKNOWN: &str = "volume_unknown";
    /// Another script, or another installation's, stands under this step's id.
    pub const STEP_MISMATCH: &str = "step_mismatch";
    /// This binary does not know the plan the job was begun with.
    pub const PLAN_UNKNOWN: &str = "plan_unknown";
    /// Cancelled by a person.
    pub const CANCELLED: &str = "cancelled";
    /// A newer request took this one's place.
    pub const SUPERSEDED: &str = "superseded";
    /// A bug: the code that ran the job panicked.
    pub const INTERNAL: &str = "internal";
}

/// A failure as it is stored with a job and shown to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{text}")]
pub struct Failure {
    pub class: Class,
    /// Stable, `snake_case`; see [`code`].
    pub code: String,
    /// What failed and where: lower-case start, no full stop after a single sentence.
    pub text: String,
    /// What to try.
    pub hint: Option<String>,
}

/// A text without the numbers that the system gives its errors, which mean nothing to people: ` (os error 111)`.
pub fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(" (os error ") {
        out.push_str(&rest[..at]);
        rest = rest[at..].split_once(')').map_or("", |(_, behind)| behind);
    }
    out + rest
}

/// An error of the system as it stands within a sentence: lower case at its start, and no number.
pub fn plain(error: impl fmt::Display) -> String {
    let text = without_numbers(&error.to_string());
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => text,
    }
}

impl Failure {
    /// Numbers of the system's errors are left out of the text.
    pub fn new(class: Class, code: impl Into<String>, text: impl Into<String>) -> Self {
        let text: String = text.into();
        let text = if text.contains("(os error ") { without_numbers(&text) } else { text };
        Self { class, code: code.into(), text, hint: None }
    }

    pub fn transient(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(Class::Transient, code, text)
    }

    pub fn permanent(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self::new(Class::Permanent, code, text)
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// As the column `job.error_class` holds it: `class/code`.
    pub fn class_and_code(&self) -> String {
        format!("{}/{}", self.class, self.code)
    }

    /// From the columns `job.error_class` (`class/code`) and `job.error` (text, then lines that begin with `hint: `).
    pub fn from_columns(class_and_code: &str, error: &str) -> Self {
        let (class, code) = class_and_code.split_once('/').unwrap_or((class_and_code, ""));
        let (text, hint) = match error.split_once("\nhint: ") {
            Some((text, hint)) => (text, Some(hint.to_owned())),
            None => (error, None),
        };
        Self { class: class.parse().unwrap_or(Class::Unknown), code: code.to_owned(), text: text.to_owned(), hint }
    }

    /// As the column `job.error` holds it; the inverse of [`Failure::from_columns`].
    pub fn text_and_hint(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}\nhint: {hint}", self.text),
            None => self.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_said_without_the_systems_numbers() {
        assert_eq!(without_numbers("a: refused (os error 111), b"), "a: refused, b");
        assert_eq!(without_numbers("plain (text)"), "plain (text)");
        assert_eq!(without_numbers("cut (os error 1"), "cut");
        assert_eq!(plain("No such file or directory (os error 2)"), "no such file or directory");
        assert_eq!(plain(""), "");
        let failure = Failure::transient(code::UNREACHABLE, "prod-1: Connection refused (os error 111)");
        assert_eq!(failure.text, "prod-1: Connection refused");
    }

    #[test]
    fn a_failure_survives_its_columns() {
        for failure in [
            Failure::transient(code::UNREACHABLE, "prod-1 does not answer"),
            Failure::permanent(code::FOREIGN_APP, "two\nlines").with_hint("look\nthere"),
        ] {
            let back = Failure::from_columns(&failure.class_and_code(), &failure.text_and_hint());
            assert_eq!(back, failure);
        }
    }
}
