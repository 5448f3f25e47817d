//! A running job's contact with its server beside its steps: the connection, what is read there, the farewell.

use crate::domain::failure::{Class, Failure};
use crate::domain::job::{Job, JobKind, JobStep};
use crate::domain::plan::UNDO_SEQ;
use crate::domain::retry;
use crate::domain::server::HostKey;
use crate::engine::follow::Followed;
use crate::engine::interrupt::{Flow, Interrupt};
use crate::engine::planner::Outputs;
use crate::engine::probe::Point;
use crate::engine::run::{Run, UNKNOWN_LIMIT};
use crate::queue::QueueError;
use crate::queue::outage::UnreachedOutcome;
use crate::ssh::{ConnectError, Line, Remote};
use std::time::Duration;

/// For what is asked of the server when the job is over already.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);
/// Longer than anybody comes back to a job: what is younger may still be asked for.
const LEFT_BEHIND_DAYS: u32 = 30;
/// A probe or a read only looks.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

impl<R: Remote + Clone + 'static> Run<'_, R> {
    /// Before the first step nothing is at stake: few tries, each from a fresh claim, then the job fails (and this is false).
    pub(super) async fn first_connection(&mut self, job: &Job) -> Flow<bool> {
        let error = match self.connect().await {
            Ok(_) => {
                self.probe(Point::Connected, job.kind.as_str()).await;
                return Ok(true);
            }
            Err(error) => error,
        };
        let error = match Interrupt::of_host_key(error) {
            Ok(interrupt) => return Err(interrupt),
            Err(error) => error,
        };
        let failure = error.failure(&job.server_name);
        if failure.class == Class::Transient {
            self.unreached(&failure, retry::connect_delay(job.attempt + 1, self.random())).await?;
        }
        self.ledger.fail(failure).await?;
        Ok(false)
    }

    /// Before the first step an outage is the lane's: it backs off, the job keeps its place. Returns where this job's tries are spent.
    async fn unreached(&mut self, failure: &Failure, own: Option<Duration>) -> Flow<()> {
        match self.ledger.unreached(failure, own, retry::outage_delay(self.random())).await? {
            UnreachedOutcome::Waits => Err(Interrupt::PutBack),
            UnreachedOutcome::Spent => Ok(()),
        }
    }

    /// Reads on the working session what the plan wants to know, and makes the plan anew with it.
    pub(super) async fn look_around(&mut self, job: &Job, outputs: &Outputs) -> Flow<Result<(), Failure>> {
        let Some((command, stdin)) = self.engine.parts.planner.look(job) else { return Ok(Ok(())) };
        let line = match self.connect().await {
            Ok(line) => line,
            Err(error) => return Err(self.later(job, error)),
        };
        match line.exec(&command, &stdin, LOOK_LIMIT).await {
            Ok(output) if output.status.success() => {
                self.look = Some(String::from_utf8_lossy(&output.stdout).into_owned());
                Ok(self.prepare(job, outputs).await?.map(|_| ()))
            }
            Ok(output) => Ok(Err(Failure::permanent(
                "look_failed",
                format!(
                    "could not look around on {}: {}",
                    job.server_name,
                    String::from_utf8_lossy(&output.stderr).trim()
                ),
            ))),
            Err(lost) => {
                self.drop_line();
                let failure = lost.failure(&job.server_name);
                let again = job.attempt + 1 < job.max_attempts;
                let delay = again.then(|| retry::step_delay(job.attempt + 1, self.random()));
                match (failure.class, delay) {
                    (Class::Transient, own) if !job.has_begun() => self.unreached(&failure, own).await?,
                    (Class::Transient, Some(delay)) => return Err(Interrupt::Retry { failure, delay }),
                    _ => {}
                }
                Ok(Err(failure))
            }
        }
    }

    /// A step whose intent is written may never have begun: it is started with all of its facts, as by the owner before. The line is
    /// waited for as patiently as for the step itself.
    pub(super) async fn look_before_attaching(&mut self, job: &Job, outputs: &Outputs, row: &JobStep) -> Flow<()> {
        if self.look.is_some() || self.engine.parts.planner.look(job).is_none() {
            return Ok(());
        }
        let limit = self.step(row.seq % UNDO_SEQ).map_or(UNKNOWN_LIMIT, |s| s.limit);
        let step = Followed { job, row, body: None, fresh: false, limit, confirm: false, kill: false };
        self.wait_for_line(&step).await?;
        match self.look_around(job, outputs).await? {
            Ok(()) => Ok(()),
            Err(failure) => Err(Interrupt::Ask(failure)),
        }
    }

    /// Asks the step's probe whether it is done after all.
    pub(super) async fn verify(&mut self, job: &Job, outputs: &Outputs, row: &JobStep) -> Flow<()> {
        let (seq, run) = (row.seq, row.run);
        let Some(probe) = self.step(seq).and_then(|s| s.probe.clone()) else {
            return self.begin(job, outputs, seq, run + 1).await;
        };
        let line = match self.connect().await {
            Ok(line) => line,
            Err(error) => return Err(self.later(job, error)),
        };
        // A probe reads its facts as a body does, but there is no file: they stand before it.
        let mut stdin = b"INFRAKT_STEP=probe\n".to_vec();
        stdin.extend_from_slice(probe.payload.expose());
        stdin.extend_from_slice(b"\nINFRAKT_IN=/dev/null\n");
        stdin.extend_from_slice(probe.script.as_bytes());
        match line.exec("sh -s", &stdin, LOOK_LIMIT).await.map(|output| output.status.code()) {
            Ok(0) => Ok(self.ledger.count_as_done(row, "found on the server").await?),
            Ok(1) => self.begin(job, outputs, seq, run + 1).await,
            Ok(status) => Err(Interrupt::Ask(Failure::new(
                Class::Unknown,
                "probe_failed",
                format!("looking what became of step {seq} on {} ended with status {status}", job.server_name),
            ))),
            Err(lost) => {
                self.drop_line();
                let delay = retry::step_delay(job.attempt + 1, self.random());
                Err(Interrupt::Retry { failure: lost.failure(&job.server_name), delay })
            }
        }
    }

    /// Ends a job that has begun on its server: its folders go, the lane is given back. Best effort: the next job does it otherwise,
    /// but until then another infrakt waits there in vain. So an owner that never had a line, or lost it, makes one for this.
    /// Provisioning is rare and takes its time: it also clears away what jobs left there that nobody came back to.
    pub(super) async fn release(&mut self, kind: JobKind) {
        if !self.begun {
            return;
        }
        match tokio::time::timeout(RELEASE_LIMIT, self.say_goodbye(kind)).await {
            Ok(true) => {}
            Ok(false) => tracing::info!("the lane on the server is given back by the next job"),
            Err(_) => tracing::info!("no answer to the release; the next job does it"),
        }
        self.probe(Point::Released, "release").await;
    }

    async fn say_goodbye(&mut self, kind: JobKind) -> bool {
        let (inst, epoch, uid) = (self.installation().to_owned(), self.fence(), self.uid.clone());
        for _ in 0..2 {
            let line = match self.connect().await {
                Ok(line) => line,
                Err(error) => {
                    tracing::info!(%error, "no connection for the release");
                    return false;
                }
            };
            if kind == JobKind::Provision {
                // while the lane is still this job's: afterwards its epoch is closed
                let answer = line.gc(&inst, epoch, LEFT_BEHIND_DAYS).await;
                tracing::debug!(?answer, "cleared away what steps of long ago left on the server");
            }
            match line.release(&inst, epoch, &uid).await {
                Ok(answer) => {
                    tracing::debug!(?answer, "released the lane on the server");
                    return true;
                }
                Err(lost) => tracing::info!(%lost, "the release lost its line"),
            }
            self.drop_line();
        }
        false
    }

    pub(super) async fn connect(&mut self) -> Result<R::Line, ConnectError> {
        if let Some(line) = &self.line {
            return Ok(line.clone());
        }
        let target = self.target();
        match self.engine.parts.remote.connect(&target).await {
            Ok(line) => {
                self.line = Some(line.clone());
                let first = target.pinned.is_none().then(|| line.host_key());
                self.remember(None, first).await;
                Ok(line)
            }
            Err(error) => {
                self.remember(Some(error.to_string()), None).await;
                Err(error)
            }
        }
    }

    /// For lists and later connections; the job does not depend on it.
    async fn remember(&self, error: Option<String>, first_key: Option<HostKey>) {
        let written = async {
            self.ledger.saw_server(error).await?;
            if let Some(key) = first_key
                && self.ledger.pin(key.clone()).await?
            {
                self.ledger.note(&format!("first contact: pinned the host key {key}")).await?;
            }
            Ok::<_, QueueError>(())
        };
        if let Err(error) = written.await {
            tracing::debug!(%error, "could not remember how the server was found");
        }
    }

    pub(super) fn drop_line(&mut self) {
        self.line = None;
    }

    fn later(&self, job: &Job, error: ConnectError) -> Interrupt {
        let error = match Interrupt::of_host_key(error) {
            Ok(interrupt) => return interrupt,
            Err(error) => error,
        };
        let failure = error.failure(&job.server_name);
        match retry::connect_delay(job.attempt + 1, self.random()) {
            Some(delay) if failure.class == Class::Transient => Interrupt::Retry { failure, delay },
            _ => Interrupt::Ask(failure),
        }
    }
}
