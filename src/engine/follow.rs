//! One step on its server, from the call to its end: follow the log, come back after a lost line, kill on request.

use crate::clock::Clock;
use crate::domain::failure::{Class, Failure, code};
use crate::domain::job::{Job, JobStep};
use crate::domain::plan::UNDO_SEQ;
use crate::domain::retry;
use crate::domain::secret::Secret;
use crate::engine::interrupt::{Flow, Interrupt};
use crate::engine::probe::Point;
use crate::engine::run::Run;
use crate::engine::stored_log::StoredLog;
use crate::ssh::{Frame, Line, LineError, Remote, StepAnswer, StepCall, StepRef, StepResult};
use futures_util::FutureExt;
use futures_util::future::Fuse;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Answers that say "try again" without a verdict (95, a broken upload): so often per call of a step.
const SERVER_TRIES: u32 = 5;
/// Another infrakt has the lane: asked again after so many milliseconds, and up to as many more.
const BUSY_MS: u64 = 2_000;
const BUSY_SPAN_MS: u64 = 3_000;
/// A waiting firewall step gives up by itself after a minute: until then a fresh connection is tried this often.
const CONFIRM_EVERY: Duration = Duration::from_secs(2);
/// The marker by which a body says that it waits for a yes.
const CONFIRM: &str = "confirm";
/// Frames between the connection and the log; a full channel holds the server up, nothing is lost.
const FRAMES: usize = 16;

/// How one run of a step ended.
#[derive(Clone, Debug, PartialEq)]
pub enum StepEnd {
    Exited {
        result: StepResult,
        code: i32,
    },
    /// Nobody knows how far it came.
    Lost,
    /// It cannot run at all; said by the server or by us.
    Refused(Failure),
}

/// A run of a step that is to be followed.
pub struct Followed<'a> {
    pub job: &'a Job,
    pub row: &'a JobStep,
    /// What to start it with where it never began; none: it can only be attached to.
    pub body: Option<(Arc<str>, Secret<Vec<u8>>)>,
    /// The intent was written just now: ask for the start at once instead of attaching first.
    pub fresh: bool,
    pub limit: Duration,
    /// A fresh connection must say yes to it.
    pub confirm: bool,
    /// The job is to stop: kill it (a step that has not begun never will).
    pub kill: bool,
}

impl Followed<'_> {
    fn step_ref<R: Remote + Clone + 'static>(&self, run: &Run<'_, R>) -> StepRef {
        StepRef { inst: run.installation().to_owned(), epoch: run.fence(), id: run.step_id(self.row) }
    }

    /// Clean-up is not cancelled: it is what a cancel waits for.
    fn can_be_killed(&self) -> bool {
        self.row.seq <= UNDO_SEQ
    }
}

impl<R: Remote + Clone + 'static> Run<'_, R> {
    /// Sees a run of a step through to its end, whatever the line does.
    pub(super) async fn follow(&mut self, mut step: Followed<'_>, log: &mut StoredLog) -> Flow<StepEnd> {
        let mut with_body = step.fresh;
        let mut tries = 0;
        let mut told_busy = false;
        let mut outage = Outage::new(step.limit);
        loop {
            let line = self.line_for(&step, &mut outage).await?;
            let answer = match self.call(&line, &mut step, with_body, log, &mut outage).await? {
                Ok(answer) => answer,
                Err(LineError::NoSudo(text)) => StepAnswer::NoSudo(text),
                Err(lost) => {
                    self.drop_line();
                    log.rewind();
                    // What was on its way may have arrived: attach first, and start only what never began.
                    with_body = false;
                    outage.begin(self.clock());
                    self.note(&format!(
                        "! lost the connection to {} ({lost}); the step goes on there. reconnecting",
                        step.job.server_name
                    ))
                    .await?;
                    continue;
                }
            };
            match answer {
                StepAnswer::Exited { result, code, .. } => {
                    self.probe(Point::EndKnown, &step.row.name).await;
                    return Ok(StepEnd::Exited { result, code });
                }
                StepAnswer::Lost { .. } => return Ok(StepEnd::Lost),
                StepAnswer::Absent if step.kill => {
                    return Ok(StepEnd::Exited { result: StepResult::Cancelled, code: 143 });
                }
                StepAnswer::Absent if step.body.is_some() && !with_body => with_body = true,
                StepAnswer::Absent => {
                    return Ok(StepEnd::Refused(Failure::permanent(
                        code::PLAN_UNKNOWN,
                        "the step never began, and this infrakt does not have its script",
                    )));
                }
                StepAnswer::Stale { seen } => self.raise_epoch(seen).await?,
                StepAnswer::Busy { installation, job, step: living, idle, .. } => {
                    if installation == self.installation() {
                        self.kill_own(&line, living).await?;
                    } else if !told_busy {
                        told_busy = true;
                        self.note(&format!(
                            "another infrakt ({installation}) works on {}: waiting for its job {job} (last sign of life {idle} s ago)",
                            step.job.server_name
                        ))
                        .await?;
                    }
                    self.pause(Duration::from_millis(BUSY_MS + self.random() % BUSY_SPAN_MS), &mut step).await?;
                    with_body = true;
                }
                StepAnswer::Mismatch { sha } => {
                    return Ok(StepEnd::Refused(Failure::permanent(
                        code::STEP_MISMATCH,
                        format!(
                            "another script stands under this step's id on {} (sha256 {sha})",
                            step.job.server_name
                        ),
                    )));
                }
                StepAnswer::NoSudo(text) => {
                    return Ok(StepEnd::Refused(crate::ssh::error::no_sudo(&step.job.server_name, &text)));
                }
                StepAnswer::Caller(why) => {
                    return Ok(StepEnd::Refused(Failure::permanent(
                        code::INTERNAL,
                        format!("the step script refused the call: {why}"),
                    )));
                }
                StepAnswer::Upload(why) | StepAnswer::Server(why) => {
                    tries += 1;
                    if tries >= SERVER_TRIES {
                        return Ok(StepEnd::Refused(Failure::transient(
                            "not_started",
                            format!("{} could not start it: {why}", step.job.server_name),
                        )));
                    }
                    self.note(&format!("{} could not start it: {why}; trying again", step.job.server_name)).await?;
                    self.pause(retry::step_delay(tries as i32, self.random()), &mut step).await?;
                    with_body = true;
                }
                other @ (StepAnswer::Other { .. }
                | StepAnswer::Running { .. }
                | StepAnswer::Released
                | StepAnswer::Collected) => {
                    tries += 1;
                    if tries >= SERVER_TRIES {
                        return Ok(StepEnd::Refused(Failure::transient(
                            "no_verdict",
                            format!("no answer that makes sense: {other:?}"),
                        )));
                    }
                    tracing::warn!(job.id = step.job.id, answer = ?other, "an answer without a verdict");
                    self.pause(retry::step_delay(tries as i32, self.random()), &mut step).await?;
                }
            }
        }
    }

    /// One call: until the server's answer, or until the line is gone. `Err` of the outer result stops the job's run here.
    async fn call(
        &mut self,
        line: &R::Line,
        step: &mut Followed<'_>,
        with_body: bool,
        log: &mut StoredLog,
        outage: &mut Outage,
    ) -> Flow<Result<StepAnswer, LineError>> {
        let (to_us, mut frames) = mpsc::channel(FRAMES);
        let at = step.step_ref(self);
        let call = StepCall {
            inst: at.inst.clone(),
            epoch: at.epoch,
            id: at.id.clone(),
            sha256: step.row.script_sha256.clone(),
            offset: log.offset(),
            limit_s: step.limit.as_secs().max(1),
            body: if with_body { step.body.clone() } else { None },
        };
        let kill_from_the_start = step.kill;
        let offset = log.offset();
        let following = async {
            if kill_from_the_start {
                line.cancel_step(at.clone(), offset, to_us).await
            } else {
                line.run_step(call, to_us).await
            }
        };
        tokio::pin!(following);
        let mut begun = false;
        // The body says when it listens: an earlier yes is thrown away. A new call of a step that said so long ago asks at once.
        let mut asked = step.confirm && !step.kill && log.says(CONFIRM);
        let killing = Fuse::terminated();
        let confirming = if asked { self.confirm(at.clone()).fuse() } else { Fuse::terminated() };
        tokio::pin!(killing, confirming);
        loop {
            tokio::select! {
                biased;
                interrupt = self.interrupted() => {
                    log.flush(self).await?;
                    return Err(interrupt);
                }
                frame = frames.recv(), if !frames.is_closed() || !frames.is_empty() => {
                    let Some(frame) = frame else { continue };
                    if !begun {
                        begun = true;
                        if let Some(seconds) = outage.end(self.clock()) {
                            self.note(&format!(". back after {seconds}s")).await?;
                        }
                        self.probe(Point::Begun, &step.row.name).await;
                    }
                    log.take(self, frame).await?;
                }
                answer = &mut following => {
                    while let Ok(frame) = frames.try_recv() {
                        log.take(self, frame).await?;
                    }
                    log.flush(self).await?;
                    return Ok(answer);
                }
                _ = log.due() => {
                    log.flush(self).await?;
                    if step.confirm && !step.kill && !asked && log.says(CONFIRM) {
                        asked = true;
                        confirming.set(self.confirm(at.clone()).fuse());
                    }
                }
                _ = &mut confirming => {}
                killed = &mut killing => {
                    // Its own answer tells no more than the follower's; a lost line ends the follower too.
                    if let Err(lost) = killed { tracing::debug!(%lost, "cancel lost its line"); }
                }
                _ = self.poked() => {
                    if !step.kill && step.can_be_killed() && self.cancel_requested().await? {
                        step.kill = true;
                        self.note(&format!("cancelling: ending `{}` on {}", step.row.name, step.job.server_name)).await?;
                        killing.set(kill(line.clone(), at.clone(), log.offset()).fuse());
                    }
                }
            }
        }
    }

    /// Waits, but hears a cancel, a drain and the loss of the job.
    async fn pause(&mut self, time: Duration, step: &mut Followed<'_>) -> Flow<()> {
        let sleep = tokio::time::sleep(time);
        tokio::pin!(sleep);
        loop {
            tokio::select! {
                biased;
                interrupt = self.interrupted() => return Err(interrupt),
                _ = &mut sleep => return Ok(()),
                _ = self.poked() => if !step.kill && step.can_be_killed() && self.cancel_requested().await? {
                    step.kill = true;
                    return Ok(());
                }
            }
        }
    }

    /// A step of ours that an older claim began still lives: it is ended with the new epoch, then the call is made again.
    async fn kill_own(&mut self, line: &R::Line, living: Option<String>) -> Flow<()> {
        let Some(living) = living else { return Ok(()) };
        self.note(&format!("ending `{living}`, which an earlier owner left running")).await?;
        let id = crate::domain::step::StepId::from_stored(living);
        let at = StepRef { inst: self.installation().to_owned(), epoch: self.fence(), id };
        if let Err(lost) = kill(line.clone(), at, 0).await {
            tracing::debug!(%lost, "could not end an older step; asked again with the next call");
        }
        Ok(())
    }

    /// Until there is a line, for as long as this step may be out of reach.
    pub(super) async fn wait_for_line(&mut self, step: &Followed<'_>) -> Flow<()> {
        let mut outage = Outage::new(step.limit);
        self.line_for(step, &mut outage).await.map(drop)
    }

    /// The line, made anew where it is gone: patiently, for something may be under way on the server.
    async fn line_for(&mut self, step: &Followed<'_>, outage: &mut Outage) -> Flow<R::Line> {
        loop {
            let error = match self.connect().await {
                Ok(line) => return Ok(line),
                Err(error) => error,
            };
            let error = match Interrupt::of_host_key(error) {
                Ok(interrupt) => return Err(interrupt),
                Err(error) => error,
            };
            let failure = error.failure(&step.job.server_name);
            // A refused login is not tried again and again: the server would shut us out.
            if failure.class == Class::Permanent {
                return Err(Interrupt::Ask(unconfirmed(step, failure, None)));
            }
            outage.begin(self.clock());
            if let Some(minutes) = outage.is_over(self.clock()) {
                return Err(Interrupt::Ask(unconfirmed(step, failure, Some(minutes))));
            }
            outage.tries += 1;
            let delay = retry::reconnect_delay(outage.tries, self.random());
            self.note(&format!(
                "! no connection to {} ({}); reconnecting ({}) in {} s",
                step.job.server_name,
                failure.text,
                outage.tries,
                delay.as_secs().max(1)
            ))
            .await?;
            // A cancel must not wait for a server that is gone, nor be forgotten: it is done when the line is back.
            tokio::select! {
                biased;
                interrupt = self.interrupted() => return Err(interrupt),
                _ = tokio::time::sleep(delay) => {}
            }
        }
    }

    /// Says yes to a waiting step over a connection and login made for it alone.
    fn confirm(&self, at: StepRef) -> impl Future<Output = ()> + use<R> {
        let (remote, target) = (self.remote(), self.target());
        async move {
            loop {
                match remote.connect(&target).await {
                    Ok(line) => match line.confirm_step(at.clone()).await {
                        Ok(StepAnswer::Absent) => {}
                        Ok(_) => return,
                        Err(lost) => tracing::info!(%lost, "confirmation lost its line"),
                    },
                    Err(error) => tracing::info!(%error, "no fresh connection yet"),
                }
                tokio::time::sleep(CONFIRM_EVERY).await;
            }
        }
    }
}

async fn kill<L: Line>(line: L, at: StepRef, offset: i64) -> Result<StepAnswer, LineError> {
    // The log comes by the follower; what arrives here is thrown away.
    let (to_us, mut frames) = mpsc::channel::<Frame>(FRAMES);
    let drain = async { while frames.recv().await.is_some() {} };
    let (answer, ()) = futures_util::future::join(line.cancel_step(at, offset, to_us), drain).await;
    answer
}

/// Nobody can say how it stands there; after so many minutes of trying, or at once where trying does not help.
fn unconfirmed(step: &Followed<'_>, failure: Failure, minutes: Option<i64>) -> Failure {
    let begin = if step.kill {
        "cancel not confirmed".to_owned()
    } else {
        format!("the connection was lost during `{}`", step.row.name)
    };
    let tried = minutes.map(|minutes| format!(", {minutes} minutes of trying did not help")).unwrap_or_default();
    let first = match failure.hint {
        Some(hint) if minutes.is_none() => hint,
        _ => format!("see to it that {} can be reached", step.job.server_name),
    };
    let id = step.job.id;
    Failure::new(Class::Unknown, failure.code, format!("{begin}{tried}: {}", failure.text)).with_hint(format!(
        "{first}; then `infrakt job resolve {id} --rerun` looks what became of it, --done and --fail decide without looking"
    ))
}

/// A time without a line: since when, and until when it is borne.
struct Outage {
    since: Option<i64>,
    borne_ms: i64,
    tries: u32,
}

impl Outage {
    fn new(limit: Duration) -> Self {
        Self { since: None, borne_ms: (limit + retry::LOST_GRACE).as_millis() as i64, tries: 0 }
    }

    fn begin(&mut self, clock: &dyn Clock) {
        self.since.get_or_insert_with(|| clock.now_ms());
    }

    /// The line is back; after how many seconds, if it was away.
    fn end(&mut self, clock: &dyn Clock) -> Option<i64> {
        self.tries = 0;
        self.since.take().map(|since| (clock.now_ms() - since) / 1000)
    }

    /// It is borne no longer; after how many minutes.
    fn is_over(&self, clock: &dyn Clock) -> Option<i64> {
        let away = clock.now_ms() - self.since?;
        (away > self.borne_ms).then_some(away / 60_000)
    }
}
