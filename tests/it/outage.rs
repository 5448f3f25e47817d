//! A server that goes away in the middle of a step and stays away: the engine goes on trying for as long as the step may take and ten
//! minutes more, then a person is asked; the answer makes it go on at the byte where it stopped.

use crate::world::{START_MS, World};
use infrakt::clock::TestClock;
use infrakt::domain::failure::Failure;
use infrakt::domain::job::{Job, JobState, Resolution};
use infrakt::domain::plan::{Body, Marker, Plan, PlanStep};
use infrakt::domain::retry::LOST_GRACE;
use infrakt::domain::secret::Secret;
use infrakt::domain::server::HostKey;
use infrakt::domain::step::OnLost;
use infrakt::engine::planner::{Outputs, Planner, Prepared};
use infrakt::engine::probe::Quiet;
use infrakt::engine::{Ended, Engine, Parts, Signals};
use infrakt::queue::wake::Bell;
use infrakt::queue::{Claim, answer, cancel};
use infrakt::render::mask::Masker;
use infrakt::ssh::{
    ConnectError, Frame, Line, LineError, Output, Remote, StepAnswer, StepCall, StepRef, StepResult, Target,
};
use infrakt::store::logs;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};

const LIMIT: Duration = Duration::from_secs(300);

/// What a try to connect meets.
pub enum Try {
    /// A server that runs the step, prints `half` of it and is gone.
    Breaks,
    /// The step has ended meanwhile.
    Ends,
    /// A server that runs a step from its beginning to its end.
    Works,
    /// Nobody answers, and so much time has passed.
    Away(Duration),
    Refuses,
    /// Another host key than the pinned one.
    OtherKey,
}

#[derive(Clone)]
pub struct Toy {
    pub clock: Arc<TestClock>,
    tries: Rc<RefCell<VecDeque<Try>>>,
    killed: Rc<Cell<bool>>,
}

impl Toy {
    pub fn new(tries: impl Into<VecDeque<Try>>) -> Self {
        let clock = Arc::new(TestClock::at(START_MS));
        Self { clock, tries: Rc::new(RefCell::new(tries.into())), killed: Rc::default() }
    }

    pub fn all_tried(&self) -> bool {
        self.tries.borrow().is_empty()
    }
}

impl Remote for Toy {
    type Line = ToyLine;

    async fn connect(&self, _: &Target) -> Result<ToyLine, ConnectError> {
        let next = self.tries.borrow_mut().pop_front().expect("no more tries than these");
        match next {
            Try::Breaks => Ok(ToyLine { ends: false, fresh: true, killed: self.killed.clone() }),
            Try::Ends => Ok(ToyLine { ends: true, fresh: false, killed: self.killed.clone() }),
            Try::Works => Ok(ToyLine { ends: true, fresh: true, killed: self.killed.clone() }),
            Try::Away(time) => {
                self.clock.advance(time.as_millis() as i64);
                Err(ConnectError::Unreachable("no route to host".into()))
            }
            Try::Refuses => Err(ConnectError::LoginRefused { user: "root".into(), offered: "a key".into() }),
            Try::OtherKey => Err(ConnectError::HostKeyChanged { pinned: key("old"), seen: key("new") }),
        }
    }
}

fn key(name: &str) -> HostKey {
    HostKey { key_type: "ssh-ed25519".into(), fingerprint: format!("SHA256:{name}") }
}

#[derive(Clone)]
pub struct ToyLine {
    ends: bool,
    /// The step was not begun before.
    fresh: bool,
    killed: Rc<Cell<bool>>,
}

const LOG: &[u8] = b"first half\nsecond half\n";
const HALF: usize = 11;

impl ToyLine {
    async fn print(&self, from: i64, to: usize, frames: &mpsc::Sender<Frame>) {
        let bytes = LOG[from as usize..to].to_vec();
        frames.send(Frame::Data { offset: from, bytes }).await.unwrap();
    }
}

impl Line for ToyLine {
    async fn run_step(&self, call: StepCall, frames: mpsc::Sender<Frame>) -> Result<StepAnswer, LineError> {
        if self.ends {
            assert_eq!(call.body.is_some(), self.fresh, "attached to, not started again");
            self.print(call.offset, LOG.len(), &frames).await;
            return Ok(StepAnswer::Exited { result: StepResult::Success, code: 0, size: LOG.len() as i64 });
        }
        self.print(call.offset, HALF, &frames).await;
        Err(LineError::Lost("reset by peer".into()))
    }

    async fn cancel_step(&self, _: StepRef, _: i64, _: mpsc::Sender<Frame>) -> Result<StepAnswer, LineError> {
        self.killed.set(true);
        Ok(StepAnswer::Exited { result: StepResult::Cancelled, code: 143, size: HALF as i64 })
    }

    async fn confirm_step(&self, _: StepRef) -> Result<StepAnswer, LineError> {
        unreachable!("no step waits for it")
    }

    async fn stat_step(&self, _: StepRef) -> Result<StepAnswer, LineError> {
        unreachable!("nobody asks")
    }

    async fn release(&self, _: &str, _: i64, _: &str) -> Result<StepAnswer, LineError> {
        Ok(StepAnswer::Released)
    }

    async fn gc(&self, _: &str, _: i64, _: u32) -> Result<StepAnswer, LineError> {
        Ok(StepAnswer::Collected)
    }

    async fn exec(&self, _: &str, _: &[u8], _: Duration) -> Result<Output, LineError> {
        unreachable!("the plan wants to know nothing")
    }

    fn host_key(&self) -> HostKey {
        HostKey { key_type: "ssh-ed25519".into(), fingerprint: "SHA256:x".into() }
    }
}

struct OneStep;

impl Planner for OneStep {
    fn look(&self, _: &Job) -> Option<(String, Vec<u8>)> {
        None
    }

    fn prepare(&self, _: &Job, _: &Outputs, _: Option<&str>) -> Result<Prepared, Failure> {
        let step = PlanStep {
            name: "fetch",
            body: Body { script: Arc::from("true"), payload: Secret::new(Arc::from(&b""[..])) },
            limit: LIMIT,
            on_lost: OnLost::Rerun,
            probe: None,
            undo: None,
            confirm: false,
        };
        let plan = Plan { version: 1, steps: vec![step] };
        Ok(Prepared { plan, target: Target::new("a"), masker: Masker::default() })
    }

    fn explain(&self, _: &Job, _: &str, _: i32, _: &[Marker], _: &str) -> Failure {
        unreachable!("the step ends well")
    }
}

/// The product's engine, with a server and a time that the test holds in its hand.
pub fn run(world: &World, toy: &Toy, claim: Claim) -> Ended {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_drain, drained) = watch::channel(false);
    let bell_dir = tempfile::tempdir().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let parts = Parts {
            db: world.db.clone(),
            bell: Bell::hang(bell_dir.path()).unwrap(),
            clock: toy.clock.clone(),
            remote: toy.clone(),
            planner: Arc::new(OneStep),
            probe: Arc::new(Quiet),
            random: || 0,
            installation: "0190".into(),
        };
        Engine::new(parts).run(claim, Signals { drain: drained, poke: Arc::new(Notify::new()) }).await
    })
}

fn log(world: &World, job: i64) -> String {
    let chunks = world.db.read(|conn| logs::after(conn, job, 0, 1000)).unwrap();
    let numbers: Vec<i64> = chunks.iter().map(|chunk| chunk.seq).collect();
    assert_eq!(numbers, (1..=chunks.len() as i64).collect::<Vec<_>>());
    let step: Vec<u8> = chunks.into_iter().filter(|c| c.step_seq.is_some()).flat_map(|c| c.bytes).collect();
    String::from_utf8(step).unwrap()
}

/// As long as it is borne, and the last try behind it.
fn away_too_long() -> [Try; 3] {
    let second = Duration::from_secs(1);
    [Try::Breaks, Try::Away(LIMIT + LOST_GRACE - second), Try::Away(2 * second)]
}

#[test]
fn a_server_away_for_the_steps_limit_and_ten_minutes_more_is_asked_about() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let toy = Toy::new(away_too_long());
    let claim = world.claim("a");
    assert_eq!(run(&world, &toy, claim), Ended::Attention);
    assert!(toy.all_tried(), "a second before the end it still tried");
    insta::assert_snapshot!(world.queue(), @r"
    1 deploy blog on a: attention (the connection was lost during `fetch`, 15 minutes of trying did not help: cannot connect to a: no route to host
    hint: see to it that a can be reached; then `infrakt job resolve 1 --rerun` looks what became of it, --done and --fail decide without looking)
    lane a: epoch 1, runs -, held by 1
    ");
    assert_eq!(world.statuses(job.id), "in_progress / deploying / inactive");
    assert!(world.try_claim("a").is_none(), "it waits for its answer");

    answer::resolve(&world.db, world.now(), job.id, Resolution::Rerun, "anna").unwrap();
    let toy = Toy::new([Try::Ends]);
    let claim = world.claim("a");
    assert_eq!(run(&world, &toy, claim), Ended::Finished(JobState::Succeeded));
    assert_eq!(log(&world, job.id).as_bytes(), LOG, "no byte is lost or doubled");
    assert_eq!(world.statuses(job.id), "success / running / inactive");
}

#[test]
fn a_server_that_comes_back_in_the_last_second_costs_nothing() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let [breaks, away, _] = away_too_long();
    let toy = Toy::new([breaks, away, Try::Ends]);
    let claim = world.claim("a");
    assert_eq!(run(&world, &toy, claim), Ended::Finished(JobState::Succeeded));
    assert_eq!((log(&world, job.id).as_bytes(), world.find_job(job.id).attempt), (LOG, 0));
}

#[test]
fn a_login_refused_in_the_middle_of_a_step_is_asked_about_at_once() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let toy = Toy::new([Try::Breaks, Try::Refuses]);
    let claim = world.claim("a");
    assert_eq!(run(&world, &toy, claim), Ended::Attention);
    insta::assert_snapshot!(world.find_job(job.id).wait_reason.unwrap(), @r"
    the connection was lost during `fetch`: cannot connect to a: the server refuses the login of `root` (a key)
    hint: put the public key into ~/.ssh/authorized_keys of `root` there, or load the right one into the agent with `ssh-add`; then `infrakt job resolve 1 --rerun` looks what became of it, --done and --fail decide without looking
    ");
    answer::resolve(&world.db, world.now(), job.id, Resolution::Fail, "anna").unwrap();
    let toy = Toy::new([Try::Breaks]);
    let claim = world.claim("a");
    assert_eq!(run(&world, &toy, claim), Ended::Finished(JobState::Failed));
    assert!(toy.killed.get(), "what may be under way there is ended first");
}

#[test]
fn a_cancel_that_nobody_could_confirm_is_asked_about_and_done_at_the_next_contact() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    let toy = Toy::new(away_too_long());
    run(&world, &toy, claim);
    cancel::request(&world.db, world.now(), job.id, "anna").unwrap();
    let toy = Toy::new([Try::Away(Duration::from_secs(1)), Try::Away(LIMIT + LOST_GRACE + Duration::from_secs(1))]);
    let claim = world.claim("a");
    assert_eq!(run(&world, &toy, claim), Ended::Attention);
    insta::assert_snapshot!(world.find_job(job.id).wait_reason.unwrap(), @r"
    cancel not confirmed, 15 minutes of trying did not help: cannot connect to a: no route to host
    hint: see to it that a can be reached; then `infrakt job resolve 1 --rerun` looks what became of it, --done and --fail decide without looking
    ");
    answer::resolve(&world.db, world.now(), job.id, Resolution::Rerun, "anna").unwrap();
    let toy = Toy::new([Try::Breaks]);
    let claim = world.claim("a");
    assert_eq!(run(&world, &toy, claim), Ended::Finished(JobState::Cancelled));
    assert!(toy.killed.get());
}
