//! One owner's run of one job: what comes next is decided from the rows, done, and recorded, until the end or an interrupt.

use crate::clock::Clock;
use crate::domain::failure::{Failure, code};
use crate::domain::job::{Job, JobState, JobStep};
use crate::domain::plan::{Body, PlanStep, StoredPlan, UNDO_SEQ};
use crate::domain::secret::Secret;
use crate::domain::step::{OnLost, StepId};
use crate::engine::decide::{Next, Situation, Verdict};
use crate::engine::follow::Followed;
use crate::engine::interrupt::{Flow, Interrupt};
use crate::engine::ledger::Ledger;
use crate::engine::planner::{Outputs, Prepared};
use crate::engine::probe::Point;
use crate::engine::stored_log::StoredLog;
use crate::engine::{Ended, Engine, Signals, blocking, facts};
use crate::queue::finish::{Effects, Ending};
use crate::queue::put_back::PutBackOutcome;
use crate::queue::{LEASE_RESERVE_MS, QueueError};
use crate::ssh::{self, Remote, Target};
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// How often a full disk is tried.
const WRITE_AGAIN: Duration = Duration::from_secs(1);
/// A plan without the step: how long its run may still go on.
pub(super) const UNKNOWN_LIMIT: Duration = Duration::from_secs(3600);

pub(super) struct Run<'e, R: Remote> {
    pub(super) engine: &'e Engine<R>,
    pub(super) ledger: Ledger,
    signals: Signals,
    pub(super) line: Option<R::Line>,
    /// What the planner wanted to know of the server, as its command printed it.
    pub(super) look: Option<String>,
    prepared: Option<Prepared>,
    /// Steps of the job were begun, by whomever: the server knows of it.
    pub(super) begun: bool,
    pub(super) uid: String,
}

impl<'e, R: Remote + Clone + 'static> Run<'e, R> {
    pub(super) fn new(engine: &'e Engine<R>, ledger: Ledger, signals: Signals, uid: String) -> Self {
        Self { engine, ledger, signals, line: None, look: None, prepared: None, begun: false, uid }
    }

    /// Until the job has ended, or something else stops this owner.
    pub(super) async fn until_end(&mut self, kind: &str) -> Flow<JobState> {
        self.probe(Point::Claimed, kind).await;
        loop {
            self.heard()?;
            let (job, steps) = self.ledger.load().await?;
            self.begun = !steps.is_empty();
            let outputs = facts::outputs(&steps);
            let plan = match self.prepare(&job, &outputs).await? {
                Ok(plan) => plan,
                Err(failure) if steps.is_empty() => {
                    let ending = Ending::Failed { failure, serving: None };
                    return Ok(self.ledger.finish(ending, Effects::default()).await?);
                }
                // Something runs or was done there, and there is no plan to go on with.
                Err(failure) => return Err(Interrupt::Ask(failure)),
            };
            let undoable = |seq: i32| self.step(seq).is_some_and(|s| s.undo.is_some());
            let situation = Situation {
                job: &job,
                steps: &steps,
                plan: &plan,
                undoable: &undoable,
                plan_is_ours: self.prepared.as_ref().is_some_and(|p| facts::stored_plan(&p.plan) == plan),
            };
            let next = situation.next();
            let row = |seq: i32, run: i32| steps.iter().find(|s| s.seq == seq && s.run == run);
            match next {
                Next::Begin { seq, run } => self.begin(&job, &outputs, seq, run).await?,
                Next::Attach { seq, run } => {
                    if let Some(row) = row(seq, run) {
                        self.look_before_attaching(&job, &outputs, row).await?;
                        self.see_through(&job, row, false, false).await?;
                    }
                }
                Next::Cancel { seq, run } => {
                    if let Some(row) = row(seq, run) {
                        self.see_through(&job, row, false, true).await?;
                    }
                }
                Next::Verify { seq, run } => {
                    if let Some(row) = row(seq, run) {
                        self.verify(&job, &outputs, row).await?;
                    }
                }
                Next::CountAsDone { seq, run } => {
                    if let Some(row) = row(seq, run) {
                        self.ledger.count_as_done(row, "said a person").await?;
                    }
                }
                Next::Fail(failure) => self.ledger.fail(failure).await?,
                Next::Ask(failure) => return Err(Interrupt::Ask(failure)),
                Next::Finish(verdict) => {
                    let ending = match verdict {
                        Verdict::Succeeded => Ending::Succeeded,
                        Verdict::Failed(failure) => Ending::Failed { failure, serving: facts::serving(&steps) },
                        Verdict::Cancelled => Ending::Cancelled,
                    };
                    let state = self.ledger.finish(ending, facts::effects(job.kind, &outputs)).await?;
                    self.probe(Point::Finished, kind).await;
                    if state == JobState::Succeeded {
                        let planner = self.planner();
                        blocking(move || planner.succeeded(&job)).await;
                    }
                    return Ok(state);
                }
            }
        }
    }

    /// The job's plan as recorded, recorded now if this is its first claim; this binary's own beside it.
    pub(super) async fn prepare(&mut self, job: &Job, outputs: &Outputs) -> Flow<Result<StoredPlan, Failure>> {
        let planner = self.engine.parts.planner.clone();
        let (job_, outputs, look) = (job.clone(), outputs.clone(), self.look.clone());
        match blocking(move || planner.prepare(&job_, &outputs, look.as_deref())).await {
            Ok(prepared) => self.prepared = Some(prepared),
            Err(failure) => return Ok(Err(failure)),
        }
        if let Some(text) = &job.plan {
            let read = serde_json::from_str(text);
            return Ok(
                read.map_err(|e| Failure::permanent(code::PLAN_UNKNOWN, format!("the job's plan cannot be read: {e}")))
            );
        }
        let Some(prepared) = &self.prepared else { return Ok(Ok(StoredPlan { steps: Vec::new() })) };
        let plan = facts::stored_plan(&prepared.plan);
        self.ledger.record_plan(plan.clone(), prepared.plan.version).await?;
        self.probe(Point::PlanRecorded, job.kind.as_str()).await;
        Ok(Ok(plan))
    }

    pub(super) async fn begin(&mut self, job: &Job, outputs: &Outputs, seq: i32, run: i32) -> Flow<()> {
        if !job.has_begun() && !self.first_connection(job).await? {
            return Ok(());
        }
        if self.look.is_none()
            && let Err(failure) = self.look_around(job, outputs).await?
        {
            return Ok(self.ledger.fail(failure).await?);
        }
        let Some((name, body, on_lost)) = self.body_of(seq) else {
            return Err(Interrupt::Ask(Failure::permanent(code::PLAN_UNKNOWN, format!("the plan has no step {seq}"))));
        };
        if self.ledger.lease_left_ms() < LEASE_RESERVE_MS {
            self.ledger.renew().await?;
        }
        let hash = ssh::sha256(body.script.as_bytes());
        let row = match self.ledger.begin_step(seq, run, name, hash, on_lost).await {
            Ok(row) => row,
            // A cancel came in between: the rows say what is next.
            Err(QueueError::Cancelling { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.probe(Point::IntentWritten, &row.name).await;
        self.see_through(job, &row, true, false).await
    }

    /// Runs or attaches to a step and records how it ended.
    async fn see_through(&mut self, job: &Job, row: &JobStep, fresh: bool, kill: bool) -> Flow<()> {
        let ours = self.body_of(row.seq).map(|(_, body, _)| body);
        let ours = ours.filter(|body| ssh::sha256(body.script.as_bytes()) == row.script_sha256);
        let plan_step = self.step(row.seq % UNDO_SEQ);
        let limit = plan_step.map_or(UNKNOWN_LIMIT, |s| s.limit);
        let confirm = row.seq < UNDO_SEQ && plan_step.is_some_and(|s| s.confirm);
        let body = ours.map(|body| (body.script.clone(), with_step_id(&body, row)));
        let stored = if row.log_off > 0 { self.ledger.stored_log(row.seq, row.run).await? } else { Vec::new() };
        let masker = self.prepared.as_ref().map(|p| p.masker.fresh()).unwrap_or_default();
        let mut log = StoredLog::new(row, masker, &stored);
        let step = Followed { job, row, body, fresh, limit, confirm, kill };
        let end = self.follow(step, &mut log).await?;
        let (markers, tail) = log.finish(self).await?;
        self.settle(job, row, end, &markers, &tail).await
    }

    /// This owner stops before the job's end: what becomes of the job.
    pub(super) async fn hand_over(&mut self, interrupt: Interrupt) -> Ended {
        let (done, ended) = match interrupt {
            Interrupt::Fenced => return Ended::Fenced,
            Interrupt::PutBack => return Ended::PutBack,
            Interrupt::Store(error) => return self.until_it_can_be_written(error).await,
            Interrupt::Drain => (self.ledger.put_back_drained().await, Ended::PutBack),
            Interrupt::Retry { failure, delay } => (self.ledger.put_back_later(&failure, delay).await, Ended::PutBack),
            Interrupt::HostKey { pinned, seen } => match self.ledger.pause_lane(pinned, seen).await {
                Ok(PutBackOutcome::Asked) => (Ok(()), Ended::Attention),
                done => (done.map(drop), Ended::PutBack),
            },
            Interrupt::Ask(failure) => (self.ledger.need_person(&failure).await, Ended::Attention),
        };
        match done {
            Ok(()) => ended,
            Err(QueueError::Fenced { .. }) => Ended::Fenced,
            Err(error) => Ended::Abandoned(error.to_string()),
        }
    }

    /// The database cannot be written. A full disk is somebody's to free: the job goes back as soon as there is room, so that it goes
    /// on at once; with anything else the lease runs out.
    async fn until_it_can_be_written(&mut self, error: QueueError) -> Ended {
        let mut error = error;
        loop {
            if !matches!(error, QueueError::Store(StoreError::Full { .. })) {
                return Ended::Abandoned(error.to_string());
            }
            tokio::select! {
                biased;
                Interrupt::Fenced | Interrupt::Drain = self.interrupted() => return Ended::Abandoned(error.to_string()),
                _ = tokio::time::sleep(WRITE_AGAIN) => {}
            }
            match self.ledger.put_back_drained().await {
                Ok(()) => return Ended::PutBack,
                Err(QueueError::Fenced { .. }) => return Ended::Fenced,
                Err(again) => error = again,
            }
        }
    }

    // ---- what the files beside use

    pub(super) fn target(&self) -> Target {
        self.prepared.as_ref().map_or_else(|| Target::new(""), |p| p.target.clone())
    }

    pub(super) fn remote(&self) -> R {
        self.engine.parts.remote.clone()
    }

    pub(super) fn planner(&self) -> Arc<dyn crate::engine::planner::Planner> {
        self.engine.parts.planner.clone()
    }

    pub(super) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(super) async fn raise_epoch(&self, seen: i64) -> Flow<()> {
        Ok(self.ledger.raise_epoch(seen).await?)
    }

    pub(super) fn step_id(&self, row: &JobStep) -> StepId {
        StepId::from_stored(row.remote_id.clone())
    }

    pub(super) fn installation(&self) -> &str {
        &self.engine.parts.installation
    }

    pub(super) fn fence(&self) -> i64 {
        self.ledger.fence()
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        self.engine.parts.clock.as_ref()
    }

    pub(super) fn random(&self) -> u64 {
        (self.engine.parts.random)()
    }

    pub(super) async fn probe(&self, point: Point, what: &str) {
        self.engine.parts.probe.at(point, what).await;
    }

    /// A line of the control plane's own in the job's log.
    pub(super) async fn note(&self, text: &str) -> Flow<()> {
        Ok(self.ledger.note(text).await?)
    }

    /// Resolves when this owner must stop.
    pub(super) async fn interrupted(&self) -> Interrupt {
        let (mut drain, mut fenced) = (self.signals.drain.clone(), self.ledger.fenced());
        tokio::select! {
            biased;
            Ok(_) = fenced.wait_for(|lost| *lost) => Interrupt::Fenced,
            Ok(_) = drain.wait_for(|drain| *drain) => Interrupt::Drain,
            else => std::future::pending().await,
        }
    }

    fn heard(&self) -> Flow<()> {
        match (*self.ledger.fenced().borrow(), *self.signals.drain.borrow()) {
            (true, _) => Err(Interrupt::Fenced),
            (false, true) => Err(Interrupt::Drain),
            (false, false) => Ok(()),
        }
    }

    /// Resolves when something about the job may have changed.
    pub(super) async fn poked(&self) {
        self.signals.poke.notified().await;
    }

    pub(super) async fn cancel_requested(&self) -> Flow<bool> {
        Ok(self.ledger.load().await?.0.cancel_at.is_some())
    }

    /// The plan's step with this number (of the step itself, not of its clean-up).
    pub(super) fn step(&self, seq: i32) -> Option<&PlanStep> {
        let at = usize::try_from(seq.checked_sub(1)?).ok()?;
        self.prepared.as_ref()?.plan.steps.get(at)
    }

    /// Name, body and answer to a loss of the step or clean-up with this number.
    fn body_of(&self, seq: i32) -> Option<(String, Body, OnLost)> {
        let step = self.step(seq % UNDO_SEQ)?;
        if seq < UNDO_SEQ {
            return Some((step.name.to_owned(), step.body.clone(), step.on_lost));
        }
        Some((format!("undo {}", step.name), step.undo.clone()?, OnLost::Rerun))
    }
}

/// What a body reads: its step's id, then its facts.
fn with_step_id(body: &Body, row: &JobStep) -> Secret<Vec<u8>> {
    // An id is of letters, digits and hyphens: it needs no quoting.
    let mut payload = format!("INFRAKT_STEP={}\n", row.remote_id).into_bytes();
    payload.extend_from_slice(body.payload.expose());
    Secret::new(payload)
}
