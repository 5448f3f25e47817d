//! Short commands: run to their end within a limit, or followed while somebody listens. On a leash, so that none outlives its caller.

use crate::ssh::error::LineError;
use crate::ssh::live::{Ended, Gone, Live, Outlet, Patience};
use crate::ssh::sudo;
use crate::ssh::types::{Exit, Output, Piece};
use crate::ssh::words::leash;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// More of one stream is not kept: what is read here is looked at by people or parsed whole.
const MAX_OUTPUT: usize = 8 * 1024 * 1024;

pub(super) async fn run(
    live: Rc<Live>,
    cmd: String,
    stdin: Vec<u8>,
    limit: Duration,
    mut gone: Gone,
) -> Result<Output, LineError> {
    let deadline = Instant::now() + limit;
    let place = timeout_at(deadline, live.places.acquire()).await;
    let Ok(_place) = place else { return Err(LineError::Slow(limit.as_secs())) };
    let channel = live.start(&leash(&cmd, stdin.len(), live.sudo)).await?;
    let mut kept = Kept::default();
    let patience = Patience::Until(deadline);
    let status = match live.pump(channel, &stdin, false, patience, &mut gone, &mut kept).await? {
        Ended::Exit(exit) => exit,
        Ended::Stopped => Exit::Signal("TERM".to_owned()),
        Ended::Slow | Ended::Mute => return Err(LineError::Slow(limit.as_secs())),
    };
    match sudo_refusal(&live, &status, kept.stdout.is_empty(), &kept.stderr) {
        Some(line) => Err(LineError::NoSudo(line)),
        None => Ok(Output { status, stdout: kept.stdout, stderr: kept.stderr, truncated: kept.truncated }),
    }
}

/// sudo's own line, when it refused or is not there: nothing ran.
fn sudo_refusal(live: &Live, status: &Exit, nothing_said: bool, stderr: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(stderr);
    let line = sudo::refusal(&text)?;
    let refused = *status == Exit::Code(if sudo::is_missing(line) { 127 } else { 1 });
    (live.sudo && nothing_said && refused).then(|| line.to_owned())
}

#[derive(Default)]
struct Kept {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    truncated: bool,
}

impl Outlet for Kept {
    fn put(&mut self, stderr: bool, bytes: &[u8]) -> Result<(), LineError> {
        let kept = if stderr { &mut self.stderr } else { &mut self.stdout };
        let room = MAX_OUTPUT - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.truncated |= bytes.len() > room;
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.truncated
    }

    async fn hand_on(&mut self) -> bool {
        false // enough: the command may stop
    }
}

/// Pieces on their way to whoever follows a command.
pub(super) struct Follow {
    pieces: mpsc::Sender<Piece>,
    waiting: Option<Piece>,
    stderr: Vec<u8>,
    said: bool,
}

impl Follow {
    pub(super) fn new(pieces: mpsc::Sender<Piece>) -> Self {
        Self { pieces, waiting: None, stderr: Vec::new(), said: false }
    }
}

pub(super) async fn follow(live: Rc<Live>, cmd: String, mut follow: Follow, mut gone: Gone) -> Result<Exit, LineError> {
    let _place = live.places.acquire().await;
    let channel = live.start(&leash(&cmd, 0, live.sudo)).await?;
    let listener = follow.pieces.clone();
    let mut gone = Box::pin(async {
        tokio::select! { _ = &mut gone => {}, _ = listener.closed() => {} }
    });
    match live.pump(channel, b"", false, Patience::Probing, &mut gone, &mut follow).await? {
        Ended::Exit(status) => match sudo_refusal(&live, &status, !follow.said, &follow.stderr) {
            Some(line) => Err(LineError::NoSudo(line)),
            None => Ok(status),
        },
        Ended::Stopped | Ended::Slow | Ended::Mute => Ok(Exit::Signal("TERM".to_owned())),
    }
}

impl Outlet for Follow {
    fn put(&mut self, stderr: bool, bytes: &[u8]) -> Result<(), LineError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.said |= !stderr;
        if stderr && self.stderr.len() < 1000 {
            self.stderr.extend_from_slice(&bytes[..bytes.len().min(1000)]);
        }
        self.waiting = Some(if stderr { Piece::Err(bytes.to_vec()) } else { Piece::Out(bytes.to_vec()) });
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting.is_some()
    }

    async fn hand_on(&mut self) -> bool {
        match self.pieces.reserve().await {
            Ok(permit) => {
                if let Some(piece) = self.waiting.take() {
                    permit.send(piece);
                }
                true
            }
            Err(_) => false,
        }
    }
}
