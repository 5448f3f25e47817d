//! Plays a worker by hand: takes a lane's job and writes what an engine would have written, at times of its choice.

use crate::world::World;
use infrakt::clock::{Clock, SystemClock};
use infrakt::domain::failure::Failure;
use infrakt::domain::plan::{StoredPlan, StoredStep};
use infrakt::domain::step::{OnLost, StepState};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::put_back::need_person;
use infrakt::queue::record::{self, Intent, LogPart, StepEnd};
use infrakt::queue::volumes::FoundVolume;
use infrakt::queue::{Claim, LEASE_MS, Worker, WorkerKind, claim};
use infrakt::store::Db;

pub struct Hand {
    db: Db,
    worker: Option<Worker>,
    claim: Claim,
    /// The job's own time: it begins when the job is claimed.
    now: i64,
    seq: i32,
}

impl Hand {
    /// Claims the next job of the server's lane.
    pub fn claim(world: &World, server_id: i64) -> Self {
        let db = world.db();
        let worker = Worker::start(&db, &world.home().join("run"), WorkerKind::Worker, SystemClock.now_ms()).unwrap();
        let lane = infrakt::domain::job::lane_of_server(server_id);
        let now = SystemClock.now_ms();
        let claim = claim::claim_next(&db, &lane, &worker, now, LEASE_MS).unwrap().expect("a job is due");
        Self { db, worker: Some(worker), claim, now, seq: 0 }
    }

    pub fn plan(&mut self, names: &[&str]) -> &mut Self {
        let step = |name: &&str| StoredStep {
            name: (*name).to_owned(),
            script_sha256: "0".repeat(64),
            on_lost: OnLost::Rerun,
        };
        record::record_plan(&self.db, &self.claim, 1, &StoredPlan { steps: names.iter().map(step).collect() }).unwrap();
        self
    }

    /// Begins the plan's next step.
    pub fn begin(&mut self, name: &str) -> &mut Self {
        self.seq += 1;
        let intent = Intent { seq: self.seq, run: 1, name, script_sha256: &"0".repeat(64), on_lost: OnLost::Rerun };
        record::begin_step(&self.db, &self.claim, self.now, &intent).unwrap();
        self
    }

    pub fn log(&mut self, text: &str) -> &mut Self {
        let from = infrakt::queue::view::steps;
        let steps = self.db.read(|conn| from(conn, self.claim.id())).unwrap();
        let from = steps.iter().rfind(|step| step.seq == self.seq).unwrap().log_off;
        let part = LogPart { seq: self.seq, run: 1, from, to: from + text.len() as i64, bytes: text.as_bytes() };
        record::append_log(&self.db, &self.claim, self.now, &part).unwrap();
        self
    }

    pub fn note(&mut self, line: &str) -> &mut Self {
        record::note(&self.db, &self.claim, self.now, line).unwrap();
        self
    }

    pub fn end(&mut self, after_ms: i64, state: StepState, exit_code: i32, output: Option<&str>) -> &mut Self {
        self.now += after_ms;
        let end = StepEnd {
            seq: self.seq,
            run: 1,
            state,
            exit_code: Some(exit_code),
            exit_reason: None,
            output,
            failure: None,
        };
        record::end_step(&self.db, &self.claim, self.now, &end).unwrap();
        self
    }

    pub fn finish(self, ending: &Ending) {
        self.finish_with(ending, &Effects::default());
    }

    /// A database's good end, whose volume stays.
    pub fn finish_with_volume(self, volume: FoundVolume) {
        self.finish_with(&Ending::Succeeded, &Effects { volume: Some(volume), ..Effects::default() });
    }

    fn finish_with(mut self, ending: &Ending, effects: &Effects) {
        finish(&self.db, &self.claim, self.now, ending, effects).unwrap();
        self.leave();
    }

    pub fn fail(self, failure: Failure) {
        self.finish(&Ending::Failed { failure, serving: Some(true) });
    }

    pub fn ask(mut self, question: &str) {
        need_person(&self.db, &self.claim, self.now, question).unwrap();
        self.leave();
    }

    fn leave(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.stop(&self.db).unwrap();
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.leave();
    }
}
