//! The step client: calls the step script, uploads it where it is missing, and reads frames and verdict.

use crate::ssh::error::LineError;
use crate::ssh::frames::Decoder;
use crate::ssh::live::{Ended, Gone, Live, Outlet, Patience};
use crate::ssh::script;
use crate::ssh::sudo;
use crate::ssh::types::{Exit, Frame, StepAnswer, StepCall, StepRef};
use crate::ssh::verdict::{Verdict, said, verdict};
use crate::ssh::words::quote;
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::mpsc;

/// What is kept of stderr: the verdict is its last line.
const MAX_STDERR: usize = 64 * 1024;

/// The verbs of the wire format.
pub(super) enum Verb {
    Run(StepCall),
    Cancel(StepRef, i64),
    Confirm(StepRef),
    Stat(StepRef),
    /// The id is the job's uuid.
    Release(StepRef),
    /// The id is a number of days.
    Gc(StepRef),
}

impl Verb {
    fn words(&self) -> Vec<String> {
        let plain = |verb: &str, step: &StepRef| {
            vec![verb.to_owned(), step.inst.clone(), step.epoch.to_string(), step.id.to_string()]
        };
        match self {
            Verb::Run(call) => {
                let (script, payload) = match &call.body {
                    Some((script, payload)) => (script.len(), payload.expose().len()),
                    None => (0, 0),
                };
                vec![
                    "run".to_owned(),
                    call.inst.clone(),
                    call.epoch.to_string(),
                    call.id.to_string(),
                    call.sha256.clone(),
                    call.offset.to_string(),
                    call.limit_s.to_string(),
                    script.to_string(),
                    payload.to_string(),
                ]
            }
            Verb::Cancel(step, offset) => {
                let mut words = plain("cancel", step);
                words.push(offset.to_string());
                words
            }
            Verb::Confirm(step) => plain("confirm", step),
            Verb::Stat(step) => plain("stat", step),
            Verb::Release(job) => plain("release", job),
            Verb::Gc(all) => plain("gc", all),
        }
    }

    /// What the verdict's `id` says.
    fn id(&self) -> &str {
        match self {
            Verb::Run(call) => call.id.as_str(),
            Verb::Cancel(step, _) | Verb::Confirm(step) | Verb::Stat(step) | Verb::Release(step) => step.id.as_str(),
            Verb::Gc(_) => "",
        }
    }

    /// Where the log is to be followed from; `None`: this verb follows nothing.
    fn offset(&self) -> Option<i64> {
        match self {
            Verb::Run(call) => Some(call.offset),
            Verb::Cancel(_, offset) => Some(*offset),
            Verb::Confirm(_) | Verb::Stat(_) | Verb::Release(_) | Verb::Gc(_) => None,
        }
    }

    /// The same, of a step that has begun, from where its log was read to.
    fn attach(self, offset: i64) -> Self {
        match self {
            Verb::Run(call) => Verb::Run(StepCall { offset, body: None, ..call }),
            Verb::Cancel(step, _) => Verb::Cancel(step, offset),
            other => other,
        }
    }

    fn input(&self) -> Vec<u8> {
        match self {
            Verb::Run(StepCall { body: Some((script, payload)), .. }) => [script.as_bytes(), payload.expose()].concat(),
            _ => Vec::new(),
        }
    }
}

/// Asks once; where the step script is missing, uploads it and asks again; where its follower hangs on a server that lives, attaches with
/// a new one.
pub(super) async fn ask(
    live: Rc<Live>,
    mut verb: Verb,
    frames: Option<mpsc::Sender<Frame>>,
    mut gone: Gone,
) -> Result<StepAnswer, LineError> {
    let mut input = verb.input();
    let mut uploaded = false;
    loop {
        let channel = live.start(&command(&live, &verb)).await?;
        if verb.offset().is_some() {
            // what is followed takes a while: the time to open the next call's channel, which then costs one round trip less
            live.open_ahead();
        }
        let mut reader = Reader::new(verb.offset(), frames.clone());
        let patience = Patience::Silence { first: live.settings.first_frame, then: live.settings.silence };
        let exit = match live.pump(channel, &input, true, patience, &mut gone, &mut reader).await? {
            Ended::Exit(exit) => exit,
            Ended::Mute => {
                live.counters.followers_replaced.add(1);
                verb = verb.attach(reader.read_to());
                input = verb.input();
                continue;
            }
            Ended::Stopped | Ended::Slow => return Err(LineError::Lost("nobody waits for the answer".to_owned())),
        };
        let verdict = verdict(exit, &reader.stderr, verb.id(), live.sudo).map_err(|e| live.garbage(e))?;
        let (status, stderr) = match verdict {
            Verdict::Answer(answer) => return Ok(answer),
            Verdict::NoScript { status, stderr } => (status, stderr),
        };
        if uploaded {
            return Ok(StepAnswer::Other { status: Exit::Code(status), stderr });
        }
        if let Some(answer) = upload(&live, &mut gone).await? {
            return Ok(answer);
        }
        uploaded = true;
    }
}

/// As root the script is called directly: all its words are plain in any shell. Behind sudo it is `sh` that finds it missing, so that
/// 126 and 127 keep their meaning.
fn command(live: &Live, verb: &Verb) -> String {
    let words: Vec<String> = verb.words().iter().map(|word| quote(word)).collect();
    let sudo = if live.sudo { "sudo -n sh -c 'exec \"$0\" \"$@\"' " } else { "" };
    format!("{sudo}{} {}", quote(&script::path(&live.settings.state_dir)), words.join(" "))
}

/// `Some`: it failed, and this is the answer to the call.
async fn upload(live: &Rc<Live>, gone: &mut Gone) -> Result<Option<StepAnswer>, LineError> {
    live.counters.script_uploads.add(1);
    let channel = live.start(&script::upload_command(&live.settings.state_dir, live.sudo)).await?;
    let mut reader = Reader::new(None, None);
    let patience = Patience::Silence { first: live.settings.first_frame, then: live.settings.silence };
    let ended = live.pump(channel, script::STEP_SCRIPT.as_bytes(), true, patience, gone, &mut reader).await?;
    let text = String::from_utf8_lossy(&reader.stderr);
    Ok(match ended {
        Ended::Exit(Exit::Code(0)) => None,
        Ended::Exit(exit) => match sudo::refusal(&text) {
            Some(line) if live.sudo && matches!(exit, Exit::Code(1 | 127)) => Some(StepAnswer::NoSudo(line.to_owned())),
            _ => Some(StepAnswer::Server(format!("cannot put the step script there: {}", said(&text)))),
        },
        Ended::Stopped | Ended::Slow | Ended::Mute => {
            return Err(LineError::Lost("nobody waits for the answer".to_owned()));
        }
    })
}

/// Reads frames from stdout and keeps the end of stderr.
struct Reader {
    decoder: Option<Decoder>,
    frames: Option<mpsc::Sender<Frame>>,
    waiting: VecDeque<Frame>,
    stderr: Vec<u8>,
}

impl Reader {
    fn new(offset: Option<i64>, frames: Option<mpsc::Sender<Frame>>) -> Self {
        Self { decoder: offset.map(Decoder::new), frames, waiting: VecDeque::new(), stderr: Vec::new() }
    }

    /// Where the log goes on.
    fn read_to(&self) -> i64 {
        self.decoder.as_ref().map_or(0, Decoder::offset)
    }
}

impl Outlet for Reader {
    fn put(&mut self, stderr: bool, bytes: &[u8]) -> Result<(), LineError> {
        if stderr {
            self.stderr.extend_from_slice(bytes);
            let excess = self.stderr.len().saturating_sub(MAX_STDERR);
            self.stderr.drain(..excess);
            return Ok(());
        }
        if let Some(decoder) = &mut self.decoder {
            decoder.read(bytes, &mut self.waiting)?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        !self.waiting.is_empty()
    }

    async fn hand_on(&mut self) -> bool {
        let permit = match &self.frames {
            Some(frames) => frames.reserve().await.ok(),
            None => None,
        };
        // without a taker the frames are dropped: the answer still counts
        if let Some(frame) = self.waiting.pop_front()
            && let Some(permit) = permit
        {
            permit.send(frame);
        }
        true
    }
}
