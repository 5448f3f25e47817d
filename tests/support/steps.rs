//! Drives steps through the client as an engine would: calls, frames collected and checked, a job's ids.
#![allow(dead_code)] // each target uses its part

use infrakt::domain::secret::Secret;
use infrakt::domain::step::StepId;
use infrakt::ssh::{Connection, Frame, LineError, StepAnswer, StepCall, StepRef, StepResult, sha256};
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;

/// A job of an installation: whose steps these are, and with what right they are asked for.
#[derive(Clone, Debug)]
pub struct Job {
    pub inst: String,
    pub epoch: i64,
    pub uid: String,
}

fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

impl Job {
    /// The first job of a new installation.
    pub fn new() -> Self {
        Self { inst: uuid(), epoch: 1, uid: uuid() }
    }

    /// The same installation's next job.
    pub fn next(&self) -> Self {
        Self { inst: self.inst.clone(), epoch: self.epoch + 1, uid: uuid() }
    }

    pub fn with_epoch(&self, epoch: i64) -> Self {
        Self { epoch, ..self.clone() }
    }

    pub fn id(&self, seq: i32, run: i32) -> StepId {
        StepId::new(&self.uid, seq, run)
    }

    pub fn step(&self, seq: i32) -> StepRef {
        self.step_run(seq, 1)
    }

    pub fn step_run(&self, seq: i32, run: i32) -> StepRef {
        StepRef { inst: self.inst.clone(), epoch: self.epoch, id: self.id(seq, run) }
    }

    /// The first run of a step.
    pub fn call(&self, seq: i32, script: &str) -> StepCall {
        self.call_run(seq, 1, script)
    }

    pub fn call_run(&self, seq: i32, run: i32, script: &str) -> StepCall {
        StepCall {
            inst: self.inst.clone(),
            epoch: self.epoch,
            id: self.id(seq, run),
            sha256: sha256(script.as_bytes()),
            offset: 0,
            limit_s: 60,
            body: Some((script.into(), Secret::new(Vec::new()))),
        }
    }

    pub async fn release(&self, connection: &Connection) {
        let answer = connection.release(&self.inst, self.epoch, &self.uid).await;
        assert_eq!(answer, Ok(StepAnswer::Released));
    }
}

/// Changes of a call that read well in a row.
pub trait Change {
    fn payload(self, payload: impl Into<Vec<u8>>) -> Self;
    fn limit(self, seconds: u64) -> Self;
    fn from(self, offset: i64) -> Self;
    fn attach_only(self) -> Self;
}

impl Change for StepCall {
    fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        let (script, _) = self.body.expect("a body to carry the payload");
        self.body = Some((script, Secret::new(payload.into())));
        self
    }

    fn limit(self, limit_s: u64) -> Self {
        Self { limit_s, ..self }
    }

    fn from(self, offset: i64) -> Self {
        Self { offset, ..self }
    }

    fn attach_only(self) -> Self {
        Self { body: None, ..self }
    }
}

/// What came of a call that follows a log.
#[derive(Debug)]
pub struct Seen {
    pub answer: Result<StepAnswer, LineError>,
    pub log: Vec<u8>,
    pub beats: usize,
    pub gaps: Vec<(i64, i64)>,
    /// Where the log goes on.
    pub offset: i64,
}

impl Seen {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.log).into_owned()
    }

    /// Result and code of a step that has ended.
    #[track_caller]
    pub fn ended(&self) -> (StepResult, i32) {
        match &self.answer {
            Ok(StepAnswer::Exited { result, code, .. }) => (*result, *code),
            other => panic!("not ended: {other:?}\n{}", self.text()),
        }
    }

    #[track_caller]
    pub fn succeeded(&self) -> &Self {
        assert_eq!(self.ended(), (StepResult::Success, 0), "{}", self.text());
        self
    }
}

pub const CANCELLED: (StepResult, i32) = (StepResult::Cancelled, 143);
pub const TIMED_OUT: (StepResult, i32) = (StepResult::Timeout, 143);

/// Starts or attaches, and follows to the end.
pub async fn run(connection: &Connection, call: StepCall) -> Seen {
    let offset = call.offset;
    let (frames, receiver) = mpsc::channel(8);
    collect(connection.run_step(call, frames), receiver, offset).await
}

pub async fn cancel(connection: &Connection, step: StepRef) -> Seen {
    let (frames, receiver) = mpsc::channel(8);
    collect(connection.cancel_step(step, 0, frames), receiver, 0).await
}

/// Waits for the call's answer and keeps its frames, which must follow one another without a hole.
pub async fn collect(
    answer: impl Future<Output = Result<StepAnswer, LineError>>,
    mut frames: mpsc::Receiver<Frame>,
    offset: i64,
) -> Seen {
    let keep = async {
        let mut seen = Seen { answer: Ok(StepAnswer::Absent), log: Vec::new(), beats: 0, gaps: Vec::new(), offset };
        while let Some(frame) = frames.recv().await {
            match frame {
                Frame::Beat => seen.beats += 1,
                Frame::Data { offset, bytes } => {
                    assert_eq!(offset, seen.offset, "a hole in the log");
                    seen.offset += bytes.len() as i64;
                    seen.log.extend(bytes);
                }
                Frame::Gap { offset, len } => {
                    assert_eq!(offset, seen.offset, "a hole in the log");
                    seen.offset += len;
                    seen.gaps.push((offset, len));
                }
            }
        }
        seen
    };
    let (answer, seen) = tokio::join!(answer, keep);
    Seen { answer, ..seen }
}

/// Runs a step in the background until its first frame has come: it has begun (or ended).
pub async fn begun(connection: &Connection, call: StepCall) -> tokio::task::JoinHandle<Seen> {
    let (begun, first) = tokio::sync::oneshot::channel();
    let connection = connection.clone();
    let offset = call.offset;
    let running = tokio::spawn(async move {
        let (frames, mut from_line) = mpsc::channel(8);
        let (on, receiver) = mpsc::channel(8);
        let mut begun = Some(begun);
        let hand_on = async move {
            while let Some(frame) = from_line.recv().await {
                if let Some(begun) = begun.take() {
                    let _ = begun.send(());
                }
                let _ = on.send(frame).await;
            }
        };
        let seen = collect(connection.run_step(call, frames), receiver, offset);
        tokio::join!(seen, hand_on).0
    });
    // an answer without a frame drops the sender: then there is nothing to wait for
    let _ = tokio::time::timeout(Duration::from_secs(60), first).await.expect("no frame within a minute");
    running
}
