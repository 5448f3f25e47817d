//! `--wait` and `job follow`: looks at a job until it ends, shows what is new, and runs its lane where nobody else does.

use super::exit::{self, Done, Stop};
use super::out::{self, Paint};
use super::owner::Owner;
use super::run::{see_that_somebody_runs, somebody_runs_all};
use super::signals::Interrupt;
use super::story::{self, Line, Story};
use super::{Ctx, text};
use crate::domain::failure::code;
use crate::domain::job::{JobState, JobStep};
use crate::domain::step::StepState;
use crate::queue::answer::PauseReason;
use crate::queue::view::Waiting;
use crate::service::jobs::{self, Progress};
use crate::service::{Service, Time};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// The clock of a running step moves with this; it is also how soon a dead owner is noticed.
const TICK: Duration = Duration::from_secs(1);

/// A second Ctrl-C within this ends the process at once.
const IMPATIENCE: Duration = Duration::from_secs(1);

/// Which job, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Follow {
    pub job_id: i64,
    pub timeout_ms: Option<i64>,
}

/// Why following ends.
enum End {
    /// The job has ended, or needs a person.
    Told(Box<Progress>),
    /// Its lane waits for somebody who trusts the server's new key.
    HostKey(Box<Progress>, PauseReason),
    TimedOut,
    Detached,
    /// Whoever read it has gone.
    PipeClosed,
}

pub fn to_the_end(ctx: &Ctx, service: &Service, follow: Follow) -> Done {
    Owner::block_on(follow_and_let_go(ctx, service, follow))
}

async fn follow_and_let_go(ctx: &Ctx, service: &Service, follow: Follow) -> Done {
    let mut interrupt = Interrupt::listen()?;
    let mut screen = Screen::new(ctx);
    let mut owner = None;
    let end = watch(service, follow, &mut screen, &mut owner, &mut interrupt).await;
    screen.clear();
    if let Some(owner) = owner {
        // What is under way goes on there; a second Ctrl-C does not even wait for the job to be put back.
        if matches!(end, Ok(End::Detached)) {
            tokio::select! {
                () = owner.drain() => {}
                Ok(()) = tokio::time::timeout(IMPATIENCE, interrupt.recv()) => return Err(Stop::Quiet(exit::DETACHED)),
            }
        } else {
            owner.drain().await;
        }
    }
    // Whatever waits now has lost the process that ran it.
    see_that_somebody_runs(ctx, service)?;
    close(ctx, follow, end?)
}

async fn watch(
    service: &Service,
    follow: Follow,
    screen: &mut Screen<'_>,
    owner: &mut Option<Owner>,
    interrupt: &mut Interrupt,
) -> Result<End, Stop> {
    let bell = service.bell()?.clone();
    let carry = bell.carry(service.db().clone());
    tokio::pin!(carry);
    // First the ear, then the look: what happens in between is heard.
    let gone = reader_gone(screen.ctx.out.json);
    tokio::pin!(gone);
    let mut listener = bell.listen();
    let deadline = follow.timeout_ms.map(|ms| tokio::time::Instant::now() + Duration::from_millis(ms.unsigned_abs()));
    let mut cursor = 0;
    let mut full = false;
    loop {
        let was_full = std::mem::replace(&mut full, service.db().disk_is_full());
        if full && !was_full {
            screen.clear();
            let out = &screen.ctx.out;
            out.warning(format!("the disk of {} is full: nothing can be written down", service.db().path().display()));
            out.hint("free some space there; what runs on the server goes on, and so does the job then");
        }
        let mut progress = look(service, follow.job_id, cursor).await?;
        if !is_over(&progress) && owner.is_none() && !somebody_runs_all(service)? {
            *owner = Some(Owner::of_lane(service, &progress.job.lane).await?);
            // What is shown first is true: somebody is there now.
            progress = look(service, follow.job_id, cursor).await?;
        }
        cursor = progress.chunks.last().map_or(cursor, |chunk| chunk.seq);
        match screen.show(&progress) {
            Ok(()) => {}
            Err(Stop::PipeClosed) => return Ok(End::PipeClosed),
            Err(stop) => return Err(stop),
        }
        if progress.more {
            continue;
        }
        if is_over(&progress) {
            return Ok(End::Told(Box::new(progress)));
        }
        if let Some(Waiting::Paused { reason: Some(reason @ PauseReason::HostKey { .. }), .. }) = &progress.view.waiting
        {
            let reason = reason.clone();
            return Ok(End::HostKey(Box::new(progress), reason));
        }
        tokio::select! {
            _ = listener.heard_within(TICK) => {}
            () = &mut carry => {}
            () = interrupt.recv() => return Ok(End::Detached),
            () = until(deadline) => return Ok(End::TimedOut),
            () = &mut gone => return Ok(End::PipeClosed),
            trouble = trouble_of(owner) => return Err(trouble),
        }
    }
}

/// There is nothing more to wait for: it has ended, or a person is asked.
fn is_over(progress: &Progress) -> bool {
    progress.job.state.is_final() || progress.job.state == JobState::Attention
}

/// The database is read beside the thread that runs the lane.
async fn look(service: &Service, job_id: i64, after: i64) -> Result<Progress, Stop> {
    let service = service.clone();
    let looked = tokio::task::spawn_blocking(move || service.progress(job_id, after)).await;
    Ok(looked.map_err(|error| Stop::new(exit::FAILED, format!("cannot look at the job: {error}")))??)
}

async fn trouble_of(owner: &Option<Owner>) -> Stop {
    match owner {
        Some(owner) => owner.until_trouble().await,
        None => std::future::pending().await,
    }
}

/// What goes to stderr is beside the data: only a reader of events ends the following.
async fn reader_gone(of_events: bool) {
    if of_events { out::reader_gone().await } else { std::future::pending().await }
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The last words, and the exit code.
fn close(ctx: &Ctx, follow: Follow, end: End) -> Done {
    let id = follow.job_id;
    let out = &ctx.out;
    let how_to_go_on = || {
        out.hint(format!("`infrakt job follow {id}` shows how it goes, `infrakt job cancel {id}` stops it"));
    };
    match end {
        End::Told(progress) => Ok(told(ctx, &progress)),
        End::HostKey(progress, reason) => {
            let server = &progress.job.server_name;
            out.error(format!("job {id} waits: {reason}"));
            out.hint(format!("if {server} was set up anew: `infrakt server trust {server}`; the job goes on then"));
            Ok(exit::UNREACHABLE)
        }
        End::TimedOut => {
            out.error(format!("the time is over; job {id} goes on"));
            how_to_go_on();
            Ok(exit::TIMED_OUT)
        }
        End::Detached => {
            out.note(format!("detached; job {id} goes on"));
            how_to_go_on();
            Ok(exit::DETACHED)
        }
        End::PipeClosed => Err(Stop::Quiet(exit::DETACHED)),
    }
}

fn told(ctx: &Ctx, progress: &Progress) -> u8 {
    let out = &ctx.out;
    let job = &progress.job;
    let failure = job.failure.as_ref();
    match job.state {
        JobState::Succeeded => out.note(out.err(&story::happy_end(progress), Paint::Good)),
        JobState::Failed => {
            let place = match story::failed_step(progress) {
                Some(step) => match step.exit_code {
                    Some(code) if code != 0 => format!(" at `{}` (exit {code})", step.name),
                    _ => format!(" at `{}`", step.name),
                },
                None => String::new(),
            };
            let why = failure.map(|failure| failure.text.clone()).unwrap_or_default();
            out.error(format!("{} failed{place}: {why}", jobs::title(job)));
            if let Some(deployment) = progress.serves {
                out.note(format!("deployment {deployment} goes on serving"));
            }
            match failure.and_then(|failure| failure.hint.clone()) {
                Some(hint) => out.hint(hint),
                None if progress.runs.is_empty() => {}
                None => out.hint(format!("`infrakt job log {}` shows all of its log", job.id)),
            }
            if let Some(command) = story::forgets(job) {
                out.hint(format!("{command} forgets it here and touches nothing there"));
            }
        }
        JobState::Cancelled => {
            let why = failure.map(|failure| failure.text.clone()).unwrap_or_else(|| "cancelled".to_owned());
            out.error(format!("job {} was {why}", job.id));
            if let Some(next) = progress.view.superseded_by {
                out.hint(format!("`infrakt job follow {next}` shows the newer one"));
            } else if failure.is_some_and(|failure| failure.code == code::CANCELLED) && job.has_begun() {
                out.hint(format!("`infrakt job log {}` says what was done and what was undone", job.id));
            }
        }
        JobState::Attention => {
            let question = job.wait_reason.clone().unwrap_or_default();
            out.error(format!("job {} needs an answer: {question}", job.id));
            out.hint(format!("`infrakt job resolve {} --done|--rerun|--fail`", job.id));
        }
        JobState::Blocked | JobState::Queued | JobState::Running => {}
    }
    exit::of_job(job.state, failure.map(|failure| failure.code.as_str()))
}

/// Where a followed job is shown: lines and some live ones on stderr, or events on stdout.
struct Screen<'a> {
    ctx: &'a Ctx,
    story: Story,
    live: bool,
    /// How many live lines stand there now; the cursor is at the end of the last one.
    drawn: usize,
    /// What was told as events, so that only changes are.
    job_told: Option<String>,
    steps_told: BTreeMap<(i32, i32), StepState>,
}

impl<'a> Screen<'a> {
    fn new(ctx: &'a Ctx) -> Self {
        let live = std::io::stderr().is_terminal() && !ctx.out.json;
        let story = Story::new(!live || ctx.verbose > 0);
        Self { ctx, story, live, drawn: 0, job_told: None, steps_told: BTreeMap::new() }
    }

    fn show(&mut self, progress: &Progress) -> Result<(), Stop> {
        if self.ctx.out.json {
            return self.events(progress);
        }
        let now = self.ctx.now_ms();
        let lines = self.story.tell(progress, now);
        let mut text = String::new();
        self.take_away(&mut text);
        for line in lines {
            text.push_str(&self.painted(&line, None));
            text.push('\n');
        }
        if self.live && !progress.more {
            let width = out::terminal_width(std::io::stderr().as_raw_fd()).saturating_sub(1);
            let lines: Vec<String> = self.story.live(now).iter().map(|line| self.painted(line, Some(width))).collect();
            text.push_str(&lines.join("\n"));
            self.drawn = lines.len();
        }
        if text.is_empty() {
            return Ok(());
        }
        let mut stderr = std::io::stderr().lock();
        stderr.write_all(text.as_bytes())?;
        Ok(stderr.flush()?)
    }

    fn painted(&self, line: &Line, width: Option<usize>) -> String {
        let mut left = width.unwrap_or(usize::MAX);
        let end = line.iter().rposition(|(word, _)| !word.trim().is_empty()).map_or(0, |at| at + 1);
        let mut text = String::new();
        for (at, (word, paint)) in line[..end].iter().enumerate() {
            let word = if at + 1 == end { word.trim_end() } else { word };
            let shown = text::fit(word, left);
            left -= shown.chars().count();
            text.push_str(&self.ctx.out.err(&shown, *paint));
        }
        text
    }

    /// Takes the live lines away, for what comes in their place.
    fn take_away(&mut self, text: &mut String) {
        if self.drawn > 0 {
            text.push_str("\r\u{1b}[2K");
            text.push_str(&"\u{1b}[1A\u{1b}[2K".repeat(self.drawn - 1));
            self.drawn = 0;
        }
    }

    fn clear(&mut self) {
        let mut text = String::new();
        self.take_away(&mut text);
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }

    fn events(&mut self, progress: &Progress) -> Result<(), Stop> {
        let out = &self.ctx.out;
        for chunk in &progress.chunks {
            // Whoever reads has heard of a step before its output comes.
            let run = progress.runs.iter().find(|run| Some((run.seq, run.run)) == chunk.step_seq.zip(chunk.run));
            if let Some(run) = run.filter(|run| !self.steps_told.contains_key(&(run.seq, run.run))) {
                let begun = JobStep {
                    state: StepState::Started,
                    finished_at: None,
                    exit_code: None,
                    output: None,
                    ..run.clone()
                };
                out.event(&step_event(&begun))?;
                self.steps_told.insert((run.seq, run.run), StepState::Started);
            }
            out.event(&log_event(progress.job.id, chunk))?;
        }
        if progress.more {
            return Ok(());
        }
        for run in &progress.runs {
            if self.steps_told.insert((run.seq, run.run), run.state) != Some(run.state) {
                out.event(&step_event(run))?;
            }
        }
        let job = json!({ "event": "job", "job": progress.view });
        let told = job.to_string();
        if self.job_told.as_ref() != Some(&told) {
            out.event(&job)?;
            self.job_told = Some(told);
        }
        Ok(())
    }
}

fn step_event(run: &JobStep) -> serde_json::Value {
    json!({
        "event": "step", "job_id": run.job_id, "seq": run.seq, "run": run.run, "name": run.name, "state": run.state.as_str(),
        "started_at": Time(run.started_at), "finished_at": run.finished_at.map(Time), "exit_code": run.exit_code,
        "note": jobs::step_note(run),
    })
}

/// A piece of the log; text that is no UTF-8 is shown as well as it can be.
pub(super) fn log_event(job_id: i64, chunk: &crate::store::logs::Chunk) -> serde_json::Value {
    json!({
        "event": "log", "job_id": job_id, "seq": chunk.seq, "at": Time(chunk.ts), "step": chunk.step_seq, "run": chunk.run,
        "text": String::from_utf8_lossy(&chunk.bytes),
    })
}
