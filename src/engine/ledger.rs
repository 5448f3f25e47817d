//! Every write of a running job, off the reactor and behind the claim's fence.

use crate::clock::Clock;
use crate::domain::failure::Failure;
use crate::domain::job::{Job, JobState, JobStep};
use crate::domain::plan::StoredPlan;
use crate::domain::server::HostKey;
use crate::domain::step::{OnLost, StepState};
use crate::engine::blocking;
use crate::queue::answer::PauseReason;
use crate::queue::finish::{self, Effects, Ending};
use crate::queue::outage::{self, Unreached, UnreachedOutcome};
use crate::queue::put_back::{self, PutBack, PutBackOutcome};
use crate::queue::record::{self, Intent, LogPart, StepEnd};
use crate::queue::wake::Bell;
use crate::queue::{Claim, LEASE_MS, QueueError, observe, recover};
use crate::store::{Db, logs, ports, steps};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How a run of a step ended, owned: it crosses to another thread.
#[derive(Clone, Debug)]
pub(super) struct StepDone {
    pub seq: i32,
    pub run: i32,
    pub state: StepState,
    pub exit_code: Option<i32>,
    pub exit_reason: Option<String>,
    pub output: Option<String>,
    /// Why the job will fail; its clean-up follows.
    pub failure: Option<Failure>,
}

#[derive(Clone)]
pub(super) struct Ledger {
    db: Db,
    bell: Bell,
    clock: Arc<dyn Clock>,
    claim: Rc<RefCell<Arc<Claim>>>,
    lease_until: Rc<Cell<i64>>,
    fenced: watch::Receiver<bool>,
}

impl Ledger {
    pub fn new(db: Db, bell: Bell, clock: Arc<dyn Clock>, claim: Claim, fenced: watch::Receiver<bool>) -> Self {
        let lease_until = claim.job().lease_until.unwrap_or_default();
        let claim = Rc::new(RefCell::new(Arc::new(claim)));
        Self { db, bell, clock, claim, lease_until: Rc::new(Cell::new(lease_until)), fenced }
    }

    pub fn fence(&self) -> i64 {
        self.claim.borrow().fence()
    }

    /// Turns true when a renewal found the job in other hands.
    pub fn fenced(&self) -> watch::Receiver<bool> {
        self.fenced.clone()
    }

    pub fn lease_left_ms(&self) -> i64 {
        self.lease_until.get() - self.clock.now_ms()
    }

    /// Runs a write with the claim as it stands, and tells whoever waits for it.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Db, &Claim, i64) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let bell = self.bell.clone();
        self.ask(move |db, claim, now| work(db, claim, now).inspect(|_| bell.ring())).await
    }

    /// The same where nothing but the log has changed: it is told to those who follow, and wakes nobody who looks for work.
    async fn write_log<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Db, &Claim, i64) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let bell = self.bell.clone();
        self.ask(move |db, claim, now| work(db, claim, now).inspect(|_| bell.ring_for_log())).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Db, &Claim, i64) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let (db, claim, now) = (self.db.clone(), self.claim.borrow().clone(), self.clock.now_ms());
        blocking(move || work(&db, &claim, now)).await
    }

    /// The job as it is now, with all runs of its steps.
    pub async fn load(&self) -> Result<(Job, Vec<JobStep>), QueueError> {
        self.ask(|db, claim, _| {
            let job = record::reload(db, claim)?;
            let steps = db.read(|conn| steps::of_job(conn, job.id))?;
            Ok((job, steps))
        })
        .await
    }

    pub async fn renew(&self) -> Result<(), QueueError> {
        let job = self.ask(|db, claim, now| record::renew(db, claim, now, LEASE_MS)).await?;
        self.lease_until.set(job.lease_until.unwrap_or_default());
        Ok(())
    }

    pub async fn record_plan(&self, plan: StoredPlan, version: i64) -> Result<(), QueueError> {
        self.write(move |db, claim, _| record::record_plan(db, claim, version, &plan)).await
    }

    pub async fn begin_step(
        &self,
        seq: i32,
        run: i32,
        name: String,
        script_sha256: String,
        on_lost: OnLost,
    ) -> Result<JobStep, QueueError> {
        let row = self
            .write(move |db, claim, now| {
                let intent = Intent { seq, run, name: &name, script_sha256: &script_sha256, on_lost };
                record::begin_step(db, claim, now, &intent)
            })
            .await?;
        self.lease_until.set(self.clock.now_ms() + LEASE_MS);
        Ok(row)
    }

    pub async fn append_log(&self, seq: i32, run: i32, from: i64, to: i64, bytes: Vec<u8>) -> Result<(), QueueError> {
        self.write_log(move |db, claim, now| {
            let part = LogPart { seq, run, from, to, bytes: &bytes };
            record::append_log(db, claim, now, &part).map(|_| ())
        })
        .await
    }

    /// What is stored of a step's log, in order.
    pub async fn stored_log(&self, seq: i32, run: i32) -> Result<Vec<Vec<u8>>, QueueError> {
        self.ask(move |db, claim, _| Ok(db.read(|conn| logs::of_step(conn, claim.id(), seq, run))?)).await
    }

    pub async fn note(&self, text: &str) -> Result<(), QueueError> {
        let text = text.to_owned();
        self.write_log(move |db, claim, now| record::note(db, claim, now, &text).map(|_| ())).await
    }

    pub async fn end_step(&self, done: StepDone) -> Result<(), QueueError> {
        self.write(move |db, claim, now| {
            let end = StepEnd {
                seq: done.seq,
                run: done.run,
                state: done.state,
                exit_code: done.exit_code,
                exit_reason: done.exit_reason.as_deref(),
                output: done.output.as_deref(),
                failure: done.failure.as_ref(),
            };
            record::end_step(db, claim, now, &end).map(|_| ())
        })
        .await
    }

    /// A run whose end was not seen counts as done. One that is over keeps its record: the next run number bears the answer.
    pub async fn count_as_done(&self, row: &JobStep, why: &'static str) -> Result<(), QueueError> {
        let mut run = row.run;
        if row.state.is_over() {
            run += 1;
            self.begin_step(row.seq, run, row.name.clone(), row.script_sha256.clone(), row.on_lost).await?;
        }
        self.end_step(StepDone {
            seq: row.seq,
            run,
            state: StepState::Succeeded,
            exit_code: None,
            exit_reason: Some(why.to_owned()),
            output: None,
            failure: None,
        })
        .await
    }

    pub async fn fail(&self, failure: Failure) -> Result<(), QueueError> {
        self.write(move |db, claim, _| record::set_failure(db, claim, &failure)).await
    }
}

/// The ways out.
impl Ledger {
    pub async fn finish(&self, ending: Ending, effects: Effects) -> Result<JobState, QueueError> {
        let job = self.write(move |db, claim, now| finish::finish(db, claim, now, &ending, &effects)).await?;
        Ok(job.state)
    }

    /// This process ends; what runs on the server goes on.
    pub async fn put_back_drained(&self) -> Result<(), QueueError> {
        self.put_back(None, Duration::ZERO, false).await
    }

    /// To be tried again, at the cost of one of the job's attempts.
    pub async fn put_back_later(&self, failure: &Failure, delay: Duration) -> Result<(), QueueError> {
        self.put_back(Some(failure.text.clone()), delay, true).await
    }

    /// A bug stopped it here: it waits a little, and a person is asked when that goes on.
    pub async fn put_back_after_panic(&self, text: &str) -> Result<(), QueueError> {
        let text = text.to_owned();
        self.write(move |db, claim, now| recover::give_up(db, claim, now, &text).map(|_| ())).await
    }

    async fn put_back(&self, reason: Option<String>, delay: Duration, counts: bool) -> Result<(), QueueError> {
        self.write(move |db, claim, now| {
            let run_at = now + i64::try_from(delay.as_millis()).unwrap_or(i64::MAX / 2);
            put_back::put_back(db, claim, now, &PutBack { run_at, reason, counts }).map(|_| ())
        })
        .await
    }

    /// The server shows another key than the pinned one.
    pub async fn pause_lane(&self, pinned: HostKey, seen: HostKey) -> Result<PutBackOutcome, QueueError> {
        let reason = PauseReason::HostKey { pinned, seen };
        self.write(move |db, claim, now| put_back::put_back_and_pause(db, claim, now, &reason)).await
    }

    /// The server was not reached before the first step. `own`: until this job's next try, none where its tries are spent.
    pub async fn unreached(
        &self,
        failure: &Failure,
        own: Option<Duration>,
        spared: Duration,
    ) -> Result<UnreachedOutcome, QueueError> {
        let failure = failure.clone();
        self.write(move |db, claim, now| {
            outage::unreached(db, claim, now, &Unreached { failure: &failure, own, spared })
        })
        .await
    }

    pub async fn need_person(&self, failure: &Failure) -> Result<(), QueueError> {
        let question = failure.text_and_hint();
        self.write(move |db, claim, now| put_back::need_person(db, claim, now, &question).map(|_| ())).await
    }

    /// The database is an older copy than what the server has seen.
    pub async fn raise_epoch(&self, seen: i64) -> Result<(), QueueError> {
        let raised = self
            .write(move |db, claim, now| {
                let mut claim = claim.clone();
                record::raise_epoch(db, &mut claim, now, seen)?;
                Ok(claim)
            })
            .await?;
        *self.claim.borrow_mut() = Arc::new(raised);
        Ok(())
    }

    /// The server was reached, or not: remembered with it, for lists.
    pub async fn saw_server(&self, error: Option<String>) -> Result<(), QueueError> {
        self.ask(move |db, claim, now| match &error {
            Some(error) => observe::server_not_seen(db, claim, now, error),
            None => observe::server_seen(db, claim, now),
        })
        .await
    }

    /// Pins the key of a first contact. False: another process has pinned one meanwhile.
    pub async fn pin(&self, key: HostKey) -> Result<bool, QueueError> {
        self.write(move |db, claim, now| observe::pin_first_host_key(db, claim, now, &key)).await
    }

    /// The loopback port drawn for the job's app is taken on the server: another one.
    pub async fn redraw_port(&self) -> Result<u16, QueueError> {
        self.write(|db, claim, _| observe::redraw_port(db, claim, ports::MAIN)).await
    }
}
