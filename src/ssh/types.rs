//! What travels between the room and its users: where to connect, what to run, what came of it.

use crate::domain::secret::Secret;
use crate::domain::server::{HostKey, Server};
use crate::domain::step::StepId;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where to connect and as whom. What is `None` comes from the user's SSH configuration, then from the defaults (`root`, port 22, the
/// agent, the usual key files).
#[derive(Clone, Debug)]
pub struct Target {
    /// A host name, an address, or an alias of the user's SSH configuration.
    pub host: String,
    pub port: Option<u16>,
    pub user: Option<String>,
    /// A private key file; a leading `~/` is the user's home. With one, nothing else is offered to the server.
    pub key_path: Option<PathBuf>,
    /// For an encrypted key file.
    pub passphrase: Option<Secret<String>>,
    /// The only host key that is accepted. `None`: the user's known_hosts decides where it names the host, else any key is accepted.
    pub pinned: Option<HostKey>,
}

impl Target {
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), port: None, user: None, key_path: None, passphrase: None, pinned: None }
    }

    /// A stored server, without a passphrase.
    pub fn of(server: &Server) -> Self {
        Self {
            host: server.host.clone(),
            port: Some(server.port),
            user: Some(server.user.clone()),
            key_path: server.ssh_key_path.as_ref().map(PathBuf::from),
            passphrase: None,
            pinned: server.host_key.clone(),
        }
    }
}

/// How a command on the server ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    /// Killed by a signal, named without `SIG`.
    Signal(String),
}

impl Exit {
    pub fn success(&self) -> bool {
        *self == Exit::Code(0)
    }

    /// As a shell says it: 128 and the signal's number where that is a known one.
    pub fn code(&self) -> i32 {
        match self {
            Exit::Code(code) => *code,
            Exit::Signal(name) => match name.as_str() {
                "HUP" => 129,
                "INT" => 130,
                "ABRT" => 134,
                "KILL" => 137,
                "SEGV" => 139,
                "PIPE" => 141,
                "TERM" => 143,
                _ => 128,
            },
        }
    }
}

/// What a short command printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub status: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// One of the streams was longer than is kept (8 MiB); the command was stopped there.
    pub truncated: bool,
}

/// A piece of what a followed command prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

/// A step as the server knows it, and with what right it is spoken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepRef {
    /// The installation's uuid.
    pub inst: String,
    /// The claim's fence.
    pub epoch: i64,
    pub id: StepId,
}

/// Start a step, or attach to it.
#[derive(Clone, Debug)]
pub struct StepCall {
    /// The installation's uuid.
    pub inst: String,
    /// The claim's fence.
    pub epoch: i64,
    pub id: StepId,
    /// Of the script; lower-case hex.
    pub sha256: String,
    /// The first byte of the log that is wanted.
    pub offset: i64,
    /// In seconds, at least 1; the first start's counts.
    pub limit_s: u64,
    /// Script and payload. `None`: attach only; what never began answers `Absent`.
    pub body: Option<(Arc<str>, Secret<Vec<u8>>)>,
}

/// What arrives while a step runs. Offsets are raw bytes of its log and contiguous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// It lives (or has ended: the answer follows).
    Beat,
    Data {
        offset: i64,
        bytes: Vec<u8>,
    },
    /// These bytes were dropped by the log's cap; the log goes on at `offset + len`.
    Gap {
        offset: i64,
        len: i64,
    },
}

/// How an ended step ended, as the server says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepResult {
    Success,
    /// The body's own status; 128 + n if it died by a signal.
    ExitCode,
    /// The time limit ran out.
    Timeout,
    Cancelled,
    /// The runner was killed on the server by somebody else.
    Signal,
    OomKill,
}

impl StepResult {
    pub const ALL: [StepResult; 6] = [
        StepResult::Success,
        StepResult::ExitCode,
        StepResult::Timeout,
        StepResult::Cancelled,
        StepResult::Signal,
        StepResult::OomKill,
    ];

    /// The word of the wire format.
    pub fn as_str(self) -> &'static str {
        match self {
            StepResult::Success => "success",
            StepResult::ExitCode => "exit-code",
            StepResult::Timeout => "timeout",
            StepResult::Cancelled => "cancelled",
            StepResult::Signal => "signal",
            StepResult::OomKill => "oom-kill",
        }
    }

    /// From the wire; a word of a newer version is `None`.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == word)
    }
}

/// What the server answered about a step, a job or the lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepAnswer {
    /// Over; no process of it lives. `size`: bytes of its log.
    Exited { result: StepResult, code: i32, size: i64 },
    /// Nobody knows how far it came; nothing of it lives, and it never runs again under this id.
    Lost { size: i64 },
    /// Only from `confirm_step` and `stat_step`.
    Running { size: i64 },
    /// It never began.
    Absent,
    /// The job's lane is given back and its epoch closed; may be asked for as often as one likes.
    Released,
    /// The answer to `gc`.
    Collected,
    /// The server has seen a higher epoch of this installation.
    Stale { seen: i64 },
    /// Another step or another installation has the lane. `since`: unix seconds; `idle`: seconds since its last sign of life.
    Busy { installation: String, job: String, step: Option<String>, since: i64, idle: i64 },
    /// Another script or another installation's step stands under this id; `sha` is that script's.
    Mismatch { sha: String },
    /// 92: a bug of ours in the call.
    Caller(String),
    /// 94: the upload was cut or altered and nothing was started; again.
    Upload(String),
    /// 95: nothing was started (disk full, read-only, gate held); the same id again is safe.
    Server(String),
    /// `sudo -n` refuses or is missing; its own line.
    NoSudo(String),
    /// Anything else without a verdict: transient, a budget of few tries.
    Other { status: Exit, stderr: String },
}

/// How the room is set up. The default is what the product uses; tests choose their own folders and shorter limits.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The user's home, where `.ssh` lies; `None`: as the user database says (so does OpenSSH).
    pub user_dir: Option<PathBuf>,
    /// Where the step script keeps its things on a server.
    pub state_dir: String,
    /// Commands go through `sudo -n` for root, too.
    pub always_sudo: bool,
    /// One step of the protocol: connect, handshake, an authentication, opening a channel, starting a command.
    pub protocol: Duration,
    /// From the call of a step to its first frame: upload and the server's gate.
    pub first_frame: Duration,
    /// Between two frames of a step.
    pub silence: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            user_dir: None,
            state_dir: "/var/lib/infrakt".to_owned(),
            always_sudo: false,
            protocol: Duration::from_secs(10),
            first_frame: Duration::from_secs(65), // the gate gives up after 60 s, and its word is to arrive
            silence: Duration::from_secs(15),
        }
    }
}
