//! The handle of a session: sends work to the session's thread and waits for what comes of it. `Send`, `Sync` and cheap to clone.

use crate::domain::server::HostKey;
use crate::domain::step::StepId;
use crate::ssh::error::LineError;
use crate::ssh::exec::{self, Follow};
use crate::ssh::live::{Gone, Live};
use crate::ssh::remote::Line;
use crate::ssh::steps::{self, Verb};
use crate::ssh::types::{Exit, Frame, Output, Piece, StepAnswer, StepCall, StepRef};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// An open connection. The session ends when the last clone is dropped. After a [`LineError`] other than `Slow` and `NoSudo` it is to be
/// thrown away.
#[derive(Clone)]
pub struct Connection {
    calls: UnboundedSender<Call>,
    info: Arc<Info>,
}

struct Info {
    host_key: HostKey,
    user: String,
}

type Local<T> = Pin<Box<dyn Future<Output = T>>>;
/// Work for the session's thread.
type Call = Box<dyn FnOnce(Rc<Live>) -> Local<()> + Send>;

impl Connection {
    /// The handle, and what the session's thread serves.
    pub(super) fn new(host_key: HostKey, user: String) -> (Self, Calls) {
        let (calls, receiver) = mpsc::unbounded_channel();
        (Self { calls, info: Arc::new(Info { host_key, user }) }, Calls(receiver))
    }

    /// The key the server showed; pin it at the first contact.
    pub fn host_key(&self) -> HostKey {
        self.info.host_key.clone()
    }

    /// Who is logged in. What runs, runs as root.
    pub fn user(&self) -> &str {
        &self.info.user
    }

    /// Gives this handle back.
    pub fn close(self) {}

    /// Runs a short command as root. It is stopped, with its process group, when the limit is over, when this future is dropped and
    /// when the connection is lost. For reads; what changes a server is a step.
    pub async fn exec(&self, cmd: &str, stdin: &[u8], limit: Duration) -> Result<Output, LineError> {
        let (cmd, stdin) = (cmd.to_owned(), stdin.to_vec());
        self.call(move |live, gone| Box::pin(exec::run(live, cmd, stdin, limit, gone))).await
    }

    /// Follows a command as root, for as long as the receiver of its output lives.
    pub async fn exec_stream(&self, cmd: &str, pieces: mpsc::Sender<Piece>) -> Result<Exit, LineError> {
        let follow = Follow::new(pieces);
        let cmd = cmd.to_owned();
        self.call(move |live, gone| Box::pin(exec::follow(live, cmd, follow, gone))).await
    }

    /// Starts a step or attaches to it, and follows it to its end. Uploads the step script where it is missing. A caller that drops
    /// this future leaves the step running.
    pub async fn run_step(&self, call: StepCall, frames: mpsc::Sender<Frame>) -> Result<StepAnswer, LineError> {
        self.step(Verb::Run(call), Some(frames)).await
    }

    /// Kills a step, or sees to it that it never begins, and follows its log from `offset` until all is dead.
    pub async fn cancel_step(
        &self,
        step: StepRef,
        offset: i64,
        frames: mpsc::Sender<Frame>,
    ) -> Result<StepAnswer, LineError> {
        self.step(Verb::Cancel(step, offset), Some(frames)).await
    }

    /// Says yes to a step that waits for it.
    pub async fn confirm_step(&self, step: StepRef) -> Result<StepAnswer, LineError> {
        self.step(Verb::Confirm(step), None).await
    }

    /// How a step stands; needs no right.
    pub async fn stat_step(&self, step: StepRef) -> Result<StepAnswer, LineError> {
        self.step(Verb::Stat(step), None).await
    }

    /// The job is over on this server: gives the lane back and closes the epoch.
    pub async fn release(&self, inst: &str, epoch: i64, job_uid: &str) -> Result<StepAnswer, LineError> {
        let job = StepRef { inst: inst.to_owned(), epoch, id: StepId::from_stored(job_uid.to_owned()) };
        self.step(Verb::Release(job), None).await
    }

    /// Deletes what others left behind: step folders untouched for `days`, scripts older than that which no unit runs from.
    pub async fn gc(&self, inst: &str, epoch: i64, days: u32) -> Result<StepAnswer, LineError> {
        let all = StepRef { inst: inst.to_owned(), epoch, id: StepId::from_stored(days.to_string()) };
        self.step(Verb::Gc(all), None).await
    }

    /// One round trip through the server's sshd, under a timeout.
    pub async fn alive(&self) -> Result<(), LineError> {
        self.call(|live, _| Box::pin(async move { live.probe().await })).await
    }

    async fn step(&self, verb: Verb, frames: Option<mpsc::Sender<Frame>>) -> Result<StepAnswer, LineError> {
        self.call(move |live, gone| Box::pin(steps::ask(live, verb, frames, gone))).await
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(Rc<Live>, Gone) -> Local<Result<T, LineError>> + Send + 'static,
    ) -> Result<T, LineError> {
        let (reply, answer) = oneshot::channel();
        // dropped with this future: so the session's side learns that nobody waits any more
        let (_here, gone) = oneshot::channel();
        let call: Call = Box::new(move |live| {
            Box::pin(async move {
                let _ = reply.send(work(live, gone).await);
            })
        });
        let ended = || LineError::Lost("the session has ended".to_owned());
        self.calls.send(call).map_err(|_| ended())?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

/// What a session's thread serves.
pub(super) struct Calls(UnboundedReceiver<Call>);

impl Calls {
    /// Serves calls until the last handle is gone or the session is broken, then ends the session.
    pub(super) async fn serve(mut self, live: Rc<Live>) {
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                call = self.0.recv() => match call {
                    Some(call) => drop(tasks.spawn_local(call(live.clone()))),
                    None => break,
                },
                Some(_) = tasks.join_next() => {}
                _ = live.ended.notified() => break,
            }
        }
        // first the socket, then the tasks with their channels, then the session: libssh2 frees nothing in another order
        live.kill();
        tasks.shutdown().await;
    }
}

impl Line for Connection {
    async fn run_step(&self, call: StepCall, frames: mpsc::Sender<Frame>) -> Result<StepAnswer, LineError> {
        Connection::run_step(self, call, frames).await
    }

    async fn cancel_step(
        &self,
        step: StepRef,
        offset: i64,
        frames: mpsc::Sender<Frame>,
    ) -> Result<StepAnswer, LineError> {
        Connection::cancel_step(self, step, offset, frames).await
    }

    async fn confirm_step(&self, step: StepRef) -> Result<StepAnswer, LineError> {
        Connection::confirm_step(self, step).await
    }

    async fn stat_step(&self, step: StepRef) -> Result<StepAnswer, LineError> {
        Connection::stat_step(self, step).await
    }

    async fn release(&self, inst: &str, epoch: i64, job_uid: &str) -> Result<StepAnswer, LineError> {
        Connection::release(self, inst, epoch, job_uid).await
    }

    async fn gc(&self, inst: &str, epoch: i64, days: u32) -> Result<StepAnswer, LineError> {
        Connection::gc(self, inst, epoch, days).await
    }

    async fn exec(&self, cmd: &str, stdin: &[u8], limit: Duration) -> Result<Output, LineError> {
        Connection::exec(self, cmd, stdin, limit).await
    }

    fn host_key(&self) -> HostKey {
        Connection::host_key(self)
    }
}
