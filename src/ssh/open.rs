//! From an address to a session whose host key is accepted: socket, handshake, comparison. No login yet.

use crate::domain::failure::{plain, without_numbers};
use crate::domain::server::HostKey;
use crate::ssh::child::Carrier;
use crate::ssh::error::ConnectError;
use crate::ssh::host_key::{self, Known};
use crate::ssh::resolve::{Resolved, Via, user_dir};
use crate::ssh::stream::{Killer, SshStream};
use crate::ssh::types::Settings;
use async_ssh2_lite::ssh2::{ErrorCode, MethodType};
use async_ssh2_lite::{AsyncSession, Error};
use futures_util::future::select_ok;
use std::process::Command;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

pub(super) type Session = AsyncSession<SshStream>;

/// A head start of each address before the next one is tried beside it.
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// libssh2: no algorithm in common, which here mostly means: the server has no key of the type that was asked for.
const NOTHING_IN_COMMON: [i32; 2] = [-5, -8];

/// The order of the fields is the order of their end: the killer goes before the session.
pub(super) struct Opened {
    pub(super) killer: Killer,
    pub(super) session: Session,
    pub(super) carrier: Option<Carrier>,
    pub(super) host_key: HostKey,
}

/// Opens a session and accepts its host key, or not.
pub(super) async fn open(
    settings: &Settings,
    resolved: &Resolved,
    pinned: Option<&HostKey>,
) -> Result<Opened, ConnectError> {
    let Some(pinned) = pinned else {
        let known = host_key::known(settings, resolved).await;
        let opened = shake_known(settings, resolved, &known).await?;
        return match known.objection(&opened.host_key) {
            Some(known) => Err(ConnectError::NotAsKnown { known, seen: opened.host_key.clone() }),
            None => Ok(opened),
        };
    };
    let changed = |seen: &HostKey| ConnectError::HostKeyChanged { pinned: pinned.clone(), seen: seen.clone() };
    match shake(settings, resolved, Some(host_key::algorithms(&pinned.key_type))).await {
        Ok(opened) if opened.host_key == *pinned => Ok(opened),
        Ok(opened) => Err(changed(&opened.host_key)),
        // no key of the pinned type is there any more: look which one is
        Err(Shake::NothingInCommon(error)) => match shake(settings, resolved, None).await {
            Ok(opened) if opened.host_key.key_type != pinned.key_type => Err(changed(&opened.host_key)),
            _ => Err(error),
        },
        Err(Shake::Failed(error)) => Err(error),
    }
}

async fn shake_known(settings: &Settings, resolved: &Resolved, known: &Known) -> Result<Opened, ConnectError> {
    match shake(settings, resolved, known.algorithms().as_deref()).await {
        Err(Shake::NothingInCommon(_)) => Ok(shake(settings, resolved, None).await?),
        result => Ok(result?),
    }
}

enum Shake {
    NothingInCommon(ConnectError),
    Failed(ConnectError),
}

impl From<Shake> for ConnectError {
    fn from(shake: Shake) -> Self {
        match shake {
            Shake::NothingInCommon(error) | Shake::Failed(error) => error,
        }
    }
}

impl From<ConnectError> for Shake {
    fn from(error: ConnectError) -> Self {
        Shake::Failed(error)
    }
}

async fn shake(settings: &Settings, resolved: &Resolved, algorithms: Option<&str>) -> Result<Opened, Shake> {
    let local = |e: &dyn std::fmt::Display| ConnectError::Local(format!("cannot set up an SSH session: {e}"));
    let (stream, killer, mut carrier) = connect(settings, resolved).await?;
    let session = Session::new(stream, None).map_err(|e| local(&message(&e)))?;
    let placeholder = HostKey { key_type: String::new(), fingerprint: String::new() };
    let mut opened = Opened { killer, session, carrier: None, host_key: placeholder };
    if let Some(algorithms) = algorithms {
        // a type this build does not know is no reason to stop here: the comparison decides
        let _ = opened.session.method_pref(MethodType::HostKey, algorithms).await;
    }
    let result = timeout(settings.protocol, opened.session.handshake()).await;
    let silent = opened.session.banner().is_none();
    match result {
        Ok(Ok(())) => {}
        Err(_) => {
            return Err(timed_out(if silent { "the SSH greeting" } else { "the SSH handshake" }, carrier.take()).into());
        }
        Ok(Err(error)) => {
            let text = format!("the SSH handshake failed: {}", message(&error));
            return Err(match (code(&error), carrier.take()) {
                (_, Some(carrier)) if silent => through(carrier).into(),
                _ if silent => ConnectError::TurnedAway.into(),
                (Some(code), _) if algorithms.is_some() && NOTHING_IN_COMMON.contains(&code) => {
                    Shake::NothingInCommon(ConnectError::Unreachable(text))
                }
                _ => ConnectError::Unreachable(text).into(),
            });
        }
    }
    opened.carrier = carrier;
    let blob = opened.session.host_key().map(|(blob, _)| blob.to_vec()).unwrap_or_default();
    opened.host_key = host_key::from_blob(&blob)
        .ok_or_else(|| ConnectError::Unreachable("the server shows no host key".to_owned()))?;
    Ok(opened)
}

async fn connect(
    settings: &Settings,
    resolved: &Resolved,
) -> Result<(SshStream, Killer, Option<Carrier>), ConnectError> {
    let local = |e: std::io::Error| ConnectError::Local(format!("cannot use a socket: {}", plain(e)));
    let command = match &resolved.via {
        Via::Tcp => {
            let dial = dial(&resolved.host, resolved.port);
            let tcp = timeout(settings.protocol, dial).await.map_err(|_| ConnectError::Timeout("connect"))??;
            let (stream, killer) = tcp.into_std().and_then(SshStream::tcp).map_err(local)?;
            return Ok((stream, killer, None));
        }
        Via::Jump(hops) => jump(settings, resolved, hops),
        Via::Command(line) => {
            let mut command = Command::new("sh");
            command.arg("-c").arg(format!("exec {line}"));
            command
        }
    };
    let program = command.get_program().to_string_lossy().into_owned();
    let (carrier, socket) =
        Carrier::start(command).map_err(|e| ConnectError::Local(format!("cannot run `{program}`: {}", plain(e))))?;
    let (stream, killer) = SshStream::unix(socket).map_err(local)?;
    Ok((stream, killer, Some(carrier)))
}

/// The system's `ssh -W` to the last hop, through those before it.
fn jump(settings: &Settings, resolved: &Resolved, hops: &str) -> Command {
    let mut command = Command::new("ssh");
    if settings.user_dir.is_some() {
        command.arg("-F").arg(user_dir(settings).join(".ssh/config"));
    }
    // nobody is there to be asked, and the caller has a limit of its own
    command.args(["-o", "BatchMode=yes", "-o", "ClearAllForwardings=yes", "-o", "ControlPath=none", "-a", "-x"]);
    let (before, last) = match hops.rsplit_once(',') {
        Some((before, last)) => (Some(before), last),
        None => (None, hops),
    };
    if let Some(before) = before {
        command.args(["-J", before]);
    }
    let last = if last.starts_with("ssh://") { last.to_owned() } else { format!("ssh://{last}") };
    command.arg("-W").arg(format!("[{}]:{}", resolved.host, resolved.port)).arg("--").arg(last);
    command
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let addresses: Vec<_> = match tokio::net::lookup_host((host, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(e) => return Err(ConnectError::Unreachable(format!("`{host}` is no known host ({e})"))),
    };
    let attempts = addresses.iter().zip(0..).map(|(address, nth)| {
        Box::pin(async move {
            sleep(NEXT_ADDRESS * nth).await;
            let said = |e: std::io::Error| ConnectError::Unreachable(without_numbers(&format!("{address}: {e}")));
            TcpStream::connect(address).await.map_err(said)
        })
    });
    match addresses.is_empty() {
        true => Err(ConnectError::Unreachable(format!("`{host}` has no address"))),
        false => select_ok(attempts).await.map(|(tcp, _)| tcp),
    }
}

fn through(carrier: Carrier) -> ConnectError {
    ConnectError::Unreachable(format!("through the jump host: {}", carrier.last_words()))
}

fn timed_out(what: &'static str, carrier: Option<Carrier>) -> ConnectError {
    drop(carrier);
    ConnectError::Timeout(what)
}

/// libssh2's own words, without the wrapping of two crates.
pub(super) fn message(error: &Error) -> String {
    match error {
        Error::Ssh2(e) => e.message().to_owned(),
        Error::Io(e) => without_numbers(&e.to_string()),
        Error::Other(e) => without_numbers(&e.to_string()),
    }
}

/// libssh2's error code.
pub(super) fn code(error: &Error) -> Option<i32> {
    match error.as_ssh2()?.code() {
        ErrorCode::Session(code) => Some(code),
        ErrorCode::SFTP(_) => None,
    }
}
