//! A live session on its thread: channels, and the one loop that feeds a command and reads what it prints.

use crate::domain::failure::without_numbers;
use crate::ssh::child::Carrier;
use crate::ssh::counters::Counters;
use crate::ssh::error::LineError;
use crate::ssh::open::{Opened, Session, code, message};
use crate::ssh::stream::{Killer, SshStream};
use crate::ssh::types::{Exit, Settings};
use async_ssh2_lite::ssh2::BlockDirections;
use async_ssh2_lite::{AsyncChannel, Error};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, Notify, Semaphore, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

pub(super) type Channel = AsyncChannel<SshStream>;

/// libssh2's codes for a fault of one channel; any other is one of the session.
const OF_THE_CHANNEL: [i32; 4] = [-21, -22, -23, -26];
/// sshd allows ten channels on a connection unless it is told otherwise; two of them are for a step and its cancel.
const SIDE_BY_SIDE: usize = 8;
/// The pause before a refused channel is asked for again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// What is read at once.
const BUFFER: usize = 32 * 1024;
/// How long a stopped command may take to end: its leash gives it five seconds between TERM and KILL, and a follower of a step notices
/// with its next heartbeat, which is five seconds away at most; a busy server takes longer.
const ENDING: Duration = Duration::from_secs(20);
/// So many commands may hang on a server that lives; with one more the session is taken for broken. Each keeps one of its channels.
const HUNG: usize = 2;
/// A followed command that says nothing for so long is asked whether its server still lives.
const PROBE: Duration = Duration::from_secs(30);

/// The order of the fields is the order of their end: first the killer, so that libssh2 frees channels and session without waiting.
pub(super) struct Live {
    killer: RefCell<Option<Killer>>,
    spare: RefCell<Option<Channel>>,
    session: Session,
    _carrier: Option<Carrier>,
    /// Opening is a state of the session, not of the channel: one at a time.
    opening: Mutex<()>,
    /// For short commands; steps and their cancels need none.
    pub(super) places: Semaphore,
    pub(super) settings: Arc<Settings>,
    pub(super) counters: Arc<Counters>,
    pub(super) sudo: bool,
    broken: Cell<bool>,
    hung: Cell<usize>,
    pub(super) ended: Notify,
}

/// Resolves when the caller's future is gone.
pub(super) type Gone = oneshot::Receiver<()>;

/// Where the bytes of a command go.
pub(super) trait Outlet {
    /// Takes what was read. `Err`: the bytes make no sense.
    fn put(&mut self, stderr: bool, bytes: &[u8]) -> Result<(), LineError>;
    /// Whether something waits for its taker; nothing more is read until `hand_on` is done.
    fn is_full(&self) -> bool;
    /// Hands on one thing; loses nothing when dropped half-way. `false`: nobody takes it any more and the command may stop.
    async fn hand_on(&mut self) -> bool;
}

/// How long a command may take, or be silent.
pub(super) enum Patience {
    /// All of it is to be done by then.
    Until(Instant),
    /// For ever, while the server lives.
    Probing,
    /// Silence before the first byte of output (what is sent counts as a sign of life), and between two. The latter is no death yet: a
    /// server that still answers is given the same time once more, then the command is called mute.
    Silence { first: Duration, then: Duration },
}

/// How a command ended.
pub(super) enum Ended {
    Exit(Exit),
    /// We stopped it: nobody wants more of it, or its time is over.
    Stopped,
    Slow,
    /// We stopped it: it has begun and says nothing any more, while its server lives.
    Mute,
}

impl Live {
    pub(super) fn new(opened: Opened, settings: Arc<Settings>, counters: Arc<Counters>, sudo: bool) -> Rc<Self> {
        Rc::new(Self {
            killer: RefCell::new(Some(opened.killer)),
            spare: RefCell::new(None),
            session: opened.session,
            _carrier: opened.carrier,
            opening: Mutex::new(()),
            places: Semaphore::new(SIDE_BY_SIDE),
            settings,
            counters,
            sudo,
            broken: Cell::new(false),
            hung: Cell::new(0),
            ended: Notify::new(),
        })
    }

    /// Ends the session: every pending operation fails.
    pub(super) fn kill(&self) {
        drop(self.killer.borrow_mut().take());
    }

    fn give_up(&self) {
        if !self.broken.replace(true) {
            self.counters.lost.add(1);
            self.ended.notify_one();
        }
    }

    /// The session cannot be used any more.
    fn lost(&self, why: String) -> LineError {
        self.give_up();
        LineError::Lost(without_numbers(&why))
    }

    fn silent(&self, what: &'static str) -> LineError {
        self.give_up();
        LineError::Silent(what)
    }

    pub(super) fn garbage(&self, error: LineError) -> LineError {
        self.give_up();
        error
    }

    /// One step of the protocol. `Err(None)`: a fault of the channel alone.
    async fn protocol<T>(
        &self,
        what: &'static str,
        operation: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Option<LineError>> {
        match timeout(self.settings.protocol, operation).await {
            Err(_) => Err(Some(self.silent(what))),
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if code(&error).is_some_and(|code| OF_THE_CHANNEL.contains(&code)) => Err(None),
            Ok(Err(error)) => Err(Some(self.lost(format!("{what}: {}", message(&error))))),
        }
    }

    /// `Err(None)`: the server opens no more channels now (its MaxSessions).
    async fn open_channel(&self) -> Result<Channel, Option<LineError>> {
        let channel = self.protocol("opening a channel", self.session.channel_session()).await?;
        self.counters.channels.add(1);
        Ok(channel)
    }

    /// Starts a command, on the channel opened ahead if there is one.
    pub(super) async fn start(&self, command: &str) -> Result<Channel, LineError> {
        let _one_at_a_time = self.opening.lock().await;
        self.counters.commands.add(1);
        let spare = self.spare.borrow_mut().take();
        if let Some(mut channel) = spare {
            match self.protocol("starting a command", channel.exec(command)).await {
                Ok(()) => {
                    self.counters.channels_ahead.add(1);
                    return Ok(channel);
                }
                Err(Some(error)) => return Err(error),
                Err(None) => {} // the server has closed it meanwhile
            }
        }
        let mut channel = self.open_when_allowed().await?;
        match self.protocol("starting a command", channel.exec(command)).await {
            Ok(()) => Ok(channel),
            Err(error) => Err(error.unwrap_or_else(|| self.lost("the server starts no command".to_owned()))),
        }
    }

    /// sshd counts a channel for some moments more than it lives: a refusal is asked again.
    async fn open_when_allowed(&self) -> Result<Channel, LineError> {
        let deadline = Instant::now() + self.settings.protocol;
        loop {
            match self.open_channel().await {
                Ok(channel) => return Ok(channel),
                Err(Some(error)) => return Err(error),
                Err(None) if Instant::now() < deadline => sleep(ASK_AGAIN).await,
                Err(None) => return Err(self.lost("the server opens no more channels".to_owned())),
            }
        }
    }

    /// Opens the next command's channel in the background, while another one runs. A server that allows none is no worse for it.
    pub(super) fn open_ahead(self: &Rc<Self>) {
        let live = self.clone();
        tokio::task::spawn_local(async move {
            let _one_at_a_time = live.opening.lock().await;
            if live.spare.borrow().is_none()
                && let Ok(channel) = live.open_channel().await
            {
                *live.spare.borrow_mut() = Some(channel);
            }
        });
    }

    /// One round trip through the server's sshd.
    pub(super) async fn probe(&self) -> Result<(), LineError> {
        let _one_at_a_time = self.opening.lock().await;
        let mut channel = match self.open_channel().await {
            Ok(channel) => channel,
            Err(Some(error)) => return Err(error),
            Err(None) => return Ok(()), // a refusal is an answer
        };
        match self.protocol("closing a channel", close(&mut channel)).await {
            Ok(()) | Err(None) => Ok(()),
            Err(Some(error)) => Err(error),
        }
    }

    /// Feeds a command and reads both of its streams to their end. With `eof` its stdin ends behind the input; otherwise it stays open
    /// for as long as the command may live.
    pub(super) async fn pump(
        self: &Rc<Self>,
        mut channel: Channel,
        input: &[u8],
        eof: bool,
        patience: Patience,
        gone: &mut (impl Future + Unpin),
        outlet: &mut impl Outlet,
    ) -> Result<Ended, LineError> {
        let (mut stdout, mut stderr) = (channel.stream(0), channel.stderr());
        let (mut out, mut err) = (vec![0; BUFFER], vec![0; BUFFER]);
        let (mut out_ended, mut err_ended) = (false, false);
        let sign_of_life = Cell::new(Instant::now());
        let (mut begun, mut doubted) = (false, false);
        let mut stopped = None;
        let stuck;
        {
            let mut stdin = channel.stream(0);
            let feed = async {
                for piece in input.chunks(BUFFER) {
                    stdin.write_all(piece).await?;
                    sign_of_life.set(Instant::now());
                }
                if eof { channel.send_eof().await.map_err(std::io::Error::from) } else { Ok(()) }
            };
            tokio::pin!(feed);
            let mut fed = false;
            while !(out_ended && err_ended) {
                let read_on = !outlet.is_full();
                let deadline = match &patience {
                    Patience::Until(deadline) => *deadline,
                    Patience::Probing => sign_of_life.get() + PROBE,
                    Patience::Silence { first, then } => sign_of_life.get() + if begun { *then } else { *first },
                };
                // a read that is dropped here has returned no bytes and loses none. The clock is asked last: behind a pause of this
                // process (a laptop that slept) the bytes that wait on the socket count more than the time that went by
                tokio::select! {
                    biased;
                    _ = &mut *gone => { stopped = Some(Ended::Stopped); break }
                    // a fault of the channel: it has ended already, and what it says counts; one of the session: the reads see it too
                    _ = &mut feed, if !fed => fed = true,
                    n = stdout.read(&mut out), if read_on && !out_ended => {
                        let n = n.map_err(|e| self.lost(e.to_string()))?;
                        out_ended = n == 0;
                        begun |= n > 0;
                        doubted &= n == 0;
                        sign_of_life.set(Instant::now());
                        outlet.put(false, &out[..n]).map_err(|e| self.garbage(e))?;
                        self.counters.bytes_received.add(n as u64);
                    }
                    n = stderr.read(&mut err), if read_on && !err_ended => {
                        let n = n.map_err(|e| self.lost(e.to_string()))?;
                        err_ended = n == 0;
                        outlet.put(true, &err[..n]).map_err(|e| self.garbage(e))?;
                        self.counters.bytes_received.add(n as u64);
                    }
                    wanted = outlet.hand_on(), if !read_on => {
                        sign_of_life.set(Instant::now()); // the time it waited for its taker is not the server's
                        if !wanted { stopped = Some(Ended::Stopped); break }
                    }
                    _ = sleep_until(deadline), if read_on => match patience {
                        Patience::Until(..) => { stopped = Some(Ended::Slow); break }
                        Patience::Probing => { self.probe().await?; sign_of_life.set(Instant::now()) }
                        Patience::Silence { .. } if !begun => return Err(self.silent("the start of a step")),
                        Patience::Silence { .. } if doubted && self.hung.get() < HUNG => { stopped = Some(Ended::Mute); break }
                        Patience::Silence { .. } if doubted => return Err(self.silent("a running step")),
                        Patience::Silence { .. } => {
                            self.probe().await.map_err(|e| match e {
                                LineError::Silent(_) => LineError::Silent("a running step"),
                                other => other,
                            })?;
                            doubted = true;
                            sign_of_life.set(Instant::now());
                        }
                    },
                }
            }
            stuck = !fed && timeout(self.settings.protocol, self.settle(feed)).await.is_err();
        }
        let ended = match stopped {
            None => self.finish(channel, &patience).await.map(Ended::Exit),
            Some(Ended::Mute) => {
                self.leave(channel);
                Ok(Ended::Mute)
            }
            Some(how) => {
                self.stop(channel);
                Ok(how)
            }
        };
        if stuck {
            self.give_up();
        }
        ended
    }

    /// The command has left input unread. What waits for its window may be dropped; half a packet on the socket must go out first, or it
    /// stands in the session's way.
    async fn settle(&self, mut feed: Pin<&mut impl Future>) {
        std::future::poll_fn(|cx| {
            let fed = feed.as_mut().poll(cx).is_ready();
            let half_sent =
                matches!(self.session.block_directions(), BlockDirections::Outbound | BlockDirections::Both);
            if fed || !half_sent { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Both streams have ended: waits for the exit. Success is told by a clean end only: libssh2's status is 0 also when none came.
    async fn finish(&self, mut channel: Channel, patience: &Patience) -> Result<Exit, LineError> {
        let limit = match patience {
            Patience::Until(deadline) => *deadline + self.settings.protocol,
            Patience::Probing => Instant::now() + PROBE,
            Patience::Silence { then, .. } => Instant::now() + *then,
        };
        let end = async {
            close(&mut channel).await?;
            let signal = channel.exit_signal().await?.exit_signal;
            Ok::<_, Error>(match signal {
                Some(signal) => Exit::Signal(signal),
                None => Exit::Code(channel.exit_status()?),
            })
        };
        match tokio::time::timeout_at(limit, end).await {
            Ok(Ok(exit)) => Ok(exit),
            Ok(Err(error)) => Err(self.lost(format!("the end of a command: {}", message(&error)))),
            Err(_) => Err(self.silent("the end of a command")),
        }
    }

    /// Nobody wants the rest: closes the channel in the background. What is on a leash ends with its stdin, a follower of a step with
    /// its next frame; libssh2 frees only what both sides have closed. A command that goes on regardless costs the session.
    fn stop(self: &Rc<Self>, mut channel: Channel) {
        let live = self.clone();
        tokio::task::spawn_local(async move {
            if !matches!(timeout(ENDING, close(&mut channel)).await, Ok(Ok(()))) {
                live.give_up();
            }
        });
    }

    /// Its command hangs: sshd keeps the channel open until the command is dead, and the session must not suffer from that.
    fn leave(self: &Rc<Self>, mut channel: Channel) {
        let live = self.clone();
        self.hung.update(|hung| hung + 1);
        tokio::task::spawn_local(async move {
            // a fault is one of the session: its other users see it, too
            let _ = close(&mut channel).await;
            live.hung.update(|hung| hung - 1);
        });
    }
}

/// Closes a channel and waits for the peer's close; the exit status comes before that. libssh2's own close ends its waiting with the
/// next packet of whatever kind or channel, and the status then reads 0.
async fn close(channel: &mut Channel) -> Result<(), Error> {
    channel.close().await?;
    channel.wait_eof().await?;
    channel.wait_close().await
}
