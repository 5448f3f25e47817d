//! A followed job as lines: what is new since the last look becomes lines to print, and one line that is true for now.
//!
//! Pure: it knows neither the terminal nor the clock. [`super::follow`] looks, prints and waits.

use super::out::Paint;
use super::text;
use crate::domain::failure::code;
use crate::domain::job::{Job, JobKind, JobState, JobStep};
use crate::domain::plan::{Marker, StoredPlan, UNDO_SEQ};
use crate::domain::step::StepState;
use crate::queue::view::Waiting;
use crate::service::jobs::{self, Progress};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How many of a failed step's last lines are shown.
const TAIL: usize = 12;

/// A word and how it is coloured; a line is several.
pub type Line = Vec<(String, Paint)>;

/// Which run of which step.
type RunId = (i32, i32);

#[derive(Debug)]
pub struct Story {
    /// Each line of a step's output is told, not only the last ones of a step that failed.
    full: bool,
    header_told: bool,
    /// What it was last said to wait for, without times.
    waits_for: Option<String>,
    begun: BTreeSet<RunId>,
    ended: BTreeSet<RunId>,
    /// Output that has no line end yet.
    partial: BTreeMap<Option<RunId>, Vec<u8>>,
    tail: VecDeque<String>,
    /// The running step, for the live line.
    running: Option<JobStep>,
    last_line: String,
    waiting: Option<Waiting>,
    /// Steps that have not begun.
    to_come: Vec<String>,
    width: usize,
}

impl Story {
    pub fn new(full: bool) -> Self {
        Self {
            full,
            header_told: false,
            waits_for: None,
            begun: BTreeSet::new(),
            ended: BTreeSet::new(),
            partial: BTreeMap::new(),
            tail: VecDeque::new(),
            running: None,
            last_line: String::new(),
            waiting: None,
            to_come: Vec::new(),
            width: 8,
        }
    }

    /// What is new.
    pub fn tell(&mut self, progress: &Progress, now_ms: i64) -> Vec<Line> {
        let mut lines = Vec::new();
        self.measure(progress);
        self.tell_header(progress, now_ms, &mut lines);
        for chunk in &progress.chunks {
            let run = chunk.step_seq.zip(chunk.run);
            if let Some(run) = run {
                self.tell_runs_before(progress, run, &mut lines);
            }
            self.take_output(run, &chunk.bytes, &mut lines);
        }
        if !progress.more {
            for run in &progress.runs {
                self.tell_run(run, &mut lines);
            }
        }
        self.running = progress.runs.iter().rev().find(|run| !run.state.is_over()).cloned();
        self.waiting = progress.view.waiting.clone();
        // A job that cleans up will not get to them any more.
        let goes_on = !progress.job.state.is_final() && progress.runs.iter().all(|run| run.seq < UNDO_SEQ);
        let pending = progress.view.steps.iter().filter(|step| goes_on && step.state == "pending");
        self.to_come = pending.map(|step| step.name.clone()).collect();
        lines
    }

    /// What is true for now: the running step with its clock or what the job waits for, and the steps to come. Nothing when it has ended.
    pub fn live(&self, now_ms: i64) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(run) = &self.running {
            let mut line = self.step_line(&run.name, ("running", Paint::Busy), &text::clock(now_ms - run.started_at));
            line.push((self.last_line.clone(), Paint::Faint));
            lines.push(line);
        } else {
            match &self.waiting {
                None | Some(Waiting::Person { .. } | Waiting::NoProcess) => {}
                Some(waiting) => lines.push(vec![(format!("  {}", waits(waiting, now_ms)), Paint::Faint)]),
            }
        }
        lines.extend(self.to_come.iter().map(|name| vec![(format!("  {name}"), Paint::Faint)]));
        lines
    }

    fn measure(&mut self, progress: &Progress) {
        let plan: Option<StoredPlan> = progress.job.plan.as_deref().and_then(|plan| serde_json::from_str(plan).ok());
        let planned = plan.iter().flat_map(|plan| plan.steps.iter().map(|step| step.name.len()));
        self.width = self.width.max(planned.max().unwrap_or(0));
    }

    fn tell_header(&mut self, progress: &Progress, now_ms: i64, lines: &mut Vec<Line>) {
        // A question is the last word of a story; and whoever follows runs the job where nobody else does.
        let untold =
            |waiting: &&Waiting| matches!(waiting, Waiting::Person { .. } | Waiting::Due { .. } | Waiting::NoProcess);
        let waiting = progress.view.waiting.as_ref().filter(|waiting| !untold(waiting));
        let waits_for = waiting.map(Waiting::text);
        let news = waits_for.is_some() && waits_for != self.waits_for;
        if !self.header_told {
            self.header_told = true;
            let title = jobs::title(&progress.job);
            let mut line = vec![(format!("job {}: {title}", progress.job.id), Paint::Strong)];
            if let Some(usual) = progress.usual_ms.filter(|_| !progress.job.state.is_final()) {
                line.push((format!(", usually {}", text::duration(usual)), Paint::Faint));
            }
            if let Some(waiting) = waiting {
                line.push((format!(", {}", waits(waiting, now_ms)), Paint::Plain));
            }
            lines.push(line);
        } else if let Some(waiting) = waiting.filter(|_| news) {
            lines.push(vec![(format!("  . {}", waits(waiting, now_ms)), Paint::Faint)]);
        }
        self.waits_for = waits_for;
    }

    /// Output of a run is told behind the ends of those that were begun before it.
    fn tell_runs_before(&mut self, progress: &Progress, id: RunId, lines: &mut Vec<Line>) {
        for run in &progress.runs {
            if (run.seq, run.run) == id {
                self.tell_begin(run, lines);
                return;
            }
            self.tell_run(run, lines);
        }
    }

    fn tell_begin(&mut self, run: &JobStep, lines: &mut Vec<Line>) {
        if self.begun.insert((run.seq, run.run)) {
            self.tail.clear();
            self.last_line.clear();
            if self.full {
                let again = if run.run > 1 { format!("run {}", run.run) } else { String::new() };
                lines.push(self.step_line(&run.name, ("running", Paint::Busy), &again));
            }
        }
    }

    fn tell_run(&mut self, run: &JobStep, lines: &mut Vec<Line>) {
        self.tell_begin(run, lines);
        let id = (run.seq, run.run);
        if !run.state.is_over() || !self.ended.insert(id) {
            return;
        }
        self.flush(Some(id), lines);
        let took = run.finished_at.map(|end| text::duration(end - run.started_at)).unwrap_or_default();
        let word = match run.state {
            StepState::Succeeded => ("ok", Paint::Good),
            StepState::Skipped => ("skipped", Paint::Good),
            StepState::Failed => ("failed", Paint::Bad),
            StepState::Lost => ("lost", Paint::Asking),
            StepState::Cancelled => ("cancelled", Paint::Asking),
            StepState::Started => ("running", Paint::Busy),
        };
        let mut line = self.step_line(&run.name, word, &took);
        line.push((self.note(run), Paint::Plain));
        lines.push(line);
        if run.state == StepState::Failed && !self.full {
            lines.extend(self.tail.drain(..).map(|text| vec![(format!("    | {text}"), Paint::Faint)]));
        }
        self.last_line.clear();
    }

    fn note(&self, run: &JobStep) -> String {
        let note = jobs::step_note(run).map(|note| text::tame(&note.replace('\n', " "))).unwrap_or_default();
        match (run.state, run.exit_reason.as_deref(), run.exit_code) {
            (StepState::Failed, Some("timeout"), _) => "ran into its time limit".to_owned(),
            (StepState::Failed, Some("oom-kill"), _) => "ran out of memory".to_owned(),
            (StepState::Failed, _, Some(code)) => format!("exit {code}"),
            (StepState::Lost, _, _) => "nobody knows how far it came".to_owned(),
            _ => note,
        }
    }

    fn step_line(&self, name: &str, (word, paint): (&str, Paint), time: &str) -> Line {
        vec![
            (format!("  {}", padded(name, self.width + 2)), Paint::Plain),
            (padded(word, 9), paint),
            (padded(time, 8), Paint::Plain),
        ]
    }

    fn take_output(&mut self, run: Option<RunId>, bytes: &[u8], lines: &mut Vec<Line>) {
        let mut buffer = self.partial.remove(&run).unwrap_or_default();
        buffer.extend_from_slice(bytes);
        let mut rest = &buffer[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.take_line(run, &rest[..end], lines);
            rest = &rest[end + 1..];
        }
        if let Some((_, shown)) = (!rest.is_empty()).then(|| readable(rest)).flatten()
            && run.is_some()
        {
            // A line under way is what one wants to see of a progress bar.
            self.last_line = shown;
        }
        if !rest.is_empty() {
            let rest = rest.to_vec();
            self.partial.insert(run, rest);
        }
    }

    fn flush(&mut self, run: Option<RunId>, lines: &mut Vec<Line>) {
        if let Some(rest) = self.partial.remove(&run) {
            self.take_line(run, &rest, lines);
        }
    }

    fn take_line(&mut self, run: Option<RunId>, bytes: &[u8], lines: &mut Vec<Line>) {
        let Some((raw, shown)) = readable(bytes) else { return };
        if run.is_none() {
            let paint = if raw.starts_with('!') { Paint::Asking } else { Paint::Faint };
            let mark = if raw.starts_with("! ") || raw.starts_with(". ") { "" } else { ". " };
            lines.push(vec![(format!("  {mark}{shown}"), paint)]);
            return;
        }
        if self.full {
            lines.push(vec![(format!("    | {shown}"), Paint::Faint)]);
        } else {
            if self.tail.len() == TAIL {
                self.tail.pop_front();
            }
            self.tail.push_back(shown.clone());
        }
        self.last_line = shown;
    }
}

/// The line as text and as it may be shown; nothing where it is a marker for the engine, or blank.
fn readable(bytes: &[u8]) -> Option<(String, String)> {
    if Marker::is_one(bytes) {
        return None;
    }
    let raw = String::from_utf8_lossy(bytes).into_owned();
    let shown = text::tame(&raw);
    (!shown.trim().is_empty()).then_some((raw, shown))
}

/// Filled up with blanks, at least two of them.
fn padded(word: &str, width: usize) -> String {
    let length = word.chars().count();
    format!("{word}{}", " ".repeat(width.saturating_sub(length).max(2)))
}

/// Why it does not go on, with times.
pub fn waits(waiting: &Waiting, now_ms: i64) -> String {
    match waiting {
        Waiting::Behind { job, title, state: JobState::Attention, .. } => {
            format!("waiting behind job {job} {title} (needs an answer)")
        }
        Waiting::Behind { job, title, running_since, usual_ms, .. } => {
            let running = running_since.map(|since| format!("running {}", text::span(now_ms - since)));
            let usual = usual_ms.map(|ms| format!("usually {}", text::duration(ms)));
            let times: Vec<String> = running.into_iter().chain(usual).collect();
            match times.as_slice() {
                [] => format!("waiting behind job {job} {title}"),
                times => format!("waiting behind job {job} {title} ({})", times.join(", ")),
            }
        }
        Waiting::Retry { at, reason } => format!("next try in {}: {reason}", text::span((at - now_ms).max(0) + 999)),
        Waiting::Paused { .. } | Waiting::Person { .. } | Waiting::NoProcess | Waiting::Due { .. } => waiting.text(),
    }
}

/// The last line of a job that ended well.
pub fn happy_end(progress: &Progress) -> String {
    let job = &progress.job;
    // Of its own: what it waited for others is not its doing.
    let began = job.started_at.unwrap_or(job.created_at);
    let took = job.finished_at.map(|end| text::duration(end - began)).unwrap_or_default();
    match (job.kind, &job.app_name) {
        (JobKind::Deploy, Some(app)) => format!("{app} is running on {} ({took})", job.server_name),
        (JobKind::Provision, _) => format!("{} is provisioned ({took})", job.server_name),
        (JobKind::Restart, Some(app)) => format!("{app} is restarted on {} ({took})", job.server_name),
        (JobKind::Stop, Some(app)) => format!("{app} is stopped on {} ({took})", job.server_name),
        (JobKind::Start, Some(app)) => format!("{app} is running on {} ({took})", job.server_name),
        (JobKind::EnvPush, Some(app)) => format!("{app} has its environment on {} ({took})", job.server_name),
        (JobKind::DbCreate, Some(app)) => format!("{app} is running on {} ({took})", job.server_name),
        (JobKind::Proxy, _) => {
            let result: Option<Value> = job.result.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let refused = result.as_ref().and_then(|result| result["refused"].as_object());
            let but = refused.map(|refused| refused.keys().cloned().collect::<Vec<_>>().join(", "));
            let but = but.map(|domains| format!(", but for {domains}")).unwrap_or_default();
            format!("the routes of {} are in place{but} ({took})", job.server_name)
        }
        (JobKind::Destroy | JobKind::DbDestroy, Some(app)) => {
            format!("{app} is gone from {} ({took})", job.server_name)
        }
        (
            JobKind::Deploy
            | JobKind::Restart
            | JobKind::Stop
            | JobKind::Start
            | JobKind::EnvPush
            | JobKind::Destroy
            | JobKind::DbCreate
            | JobKind::DbDestroy,
            None,
        ) => format!("{} is done ({took})", job.title),
    }
}

/// What is left to whoever wants to be rid of something whose server does not answer, or has nothing that could take it away.
pub fn forgets(job: &Job) -> Option<String> {
    match job.failure.as_ref()?.code.as_str() {
        code::UNREACHABLE | code::LOGIN_REFUSED | "not_provisioned" => {}
        _ => return None,
    }
    let (app, server) = (job.app_name.as_ref()?, &job.server_name);
    match job.kind {
        JobKind::Destroy => Some(format!("`infrakt app destroy {server}/{app} --local`")),
        JobKind::DbDestroy => Some(format!("`infrakt db destroy {server}/{app} --local`")),
        JobKind::Deploy
        | JobKind::Provision
        | JobKind::Restart
        | JobKind::Stop
        | JobKind::Start
        | JobKind::EnvPush
        | JobKind::DbCreate
        | JobKind::Proxy => None,
    }
}

/// The step that a failed job failed in, with its exit code.
pub fn failed_step(progress: &Progress) -> Option<&JobStep> {
    progress.runs.iter().rev().find(|run| run.state == StepState::Failed && run.seq < UNDO_SEQ)
}
