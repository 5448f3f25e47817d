//! `infrakt job …`: what waits, runs and has ended; and a person's word to it.

use super::exit::{self, DONE, Done, Stop};
use super::follow::{self, Follow, log_event};
use super::out::{Paint, reader_gone};
use super::run::{Waiting, after_enqueue, say_when_nobody_runs, see_that_somebody_runs};
use super::story::waits;
use super::table::{Cell, Table, or_dash, print_fields};
use super::{Ctx, pages, text};
use crate::config;
use crate::domain::job::{JobState, Resolution};
use crate::domain::plan::Marker;
use crate::service::Service;
use crate::service::jobs::{Cancelled, JobFilter, JobView};
use clap::{Args, Subcommand};
use serde_json::json;

#[derive(Subcommand)]
pub enum Command {
    /// List jobs that have not ended
    List {
        /// Of this server only
        #[arg(long)]
        server: Option<String>,
        /// In this state only: `waiting`, `running`, `needs-you`, `succeeded`, `failed` or `cancelled`
        #[arg(long)]
        state: Option<String>,
        /// Ended ones too
        #[arg(long)]
        all: bool,
        /// How many
        #[arg(short = 'n', long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        lines: u32,
    },
    /// Show one job
    Show { id: i64 },
    /// Print a job's log
    Log {
        id: i64,
        /// Go on until the job ends
        #[arg(short, long)]
        follow: bool,
    },
    /// Follow a job to its end; its exit code tells how it went
    Follow {
        id: i64,
        /// Wait no longer than this; the job goes on
        #[arg(long, value_name = "TIME")]
        timeout: Option<String>,
    },
    /// Stop a job; what it began is taken back
    Cancel { id: i64 },
    /// Try a failed or cancelled job again
    Retry {
        id: i64,
        #[command(flatten)]
        waiting: Waiting,
    },
    /// Answer a job that needs a person
    Resolve {
        id: i64,
        #[command(flatten)]
        answer: Answer,
    },
    /// Let a job that has not begun go before all others that wait
    Bump { id: i64 },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Answer {
    /// The step in question counts as done
    #[arg(long)]
    done: bool,
    /// Run the step again, unless it still runs
    #[arg(long)]
    rerun: bool,
    /// Clean up and fail the job
    #[arg(long)]
    fail: bool,
}

pub fn run(ctx: &Ctx, command: Command) -> Done {
    match command {
        Command::List { server, state, all, lines } => list(ctx, server, state.as_deref(), all, lines),
        Command::Show { id } => show(ctx, id),
        Command::Log { id, follow: false } => print_log(ctx, &ctx.service()?, id),
        Command::Log { id, follow: true } => follow_log(ctx, id),
        Command::Follow { id, timeout } => {
            let timeout_ms = timeout.as_deref().map(text::parse_duration).transpose().map_err(Stop::usage)?;
            follow::to_the_end(ctx, &ctx.service()?, Follow { job_id: id, timeout_ms })
        }
        Command::Cancel { id } => cancel(ctx, id),
        Command::Retry { id, waiting } => retry(ctx, id, &waiting),
        Command::Resolve { id, answer } => resolve(ctx, id, &answer),
        Command::Bump { id } => bump(ctx, id),
    }
}

fn list(ctx: &Ctx, server: Option<String>, state: Option<&str>, all: bool, lines: u32) -> Done {
    let state = state.map(parse_state).transpose()?;
    let service = ctx.service()?;
    let filter = JobFilter { server, state, app: None, all };
    let now = ctx.now_ms();
    let read = |last: Option<&JobView>, wanted| service.jobs(&filter, wanted, last.map(|job| job.id));
    let printed = pages::print(&ctx.out, lines, read, |jobs| table(jobs, now))?;
    if ctx.out.json {
        return Ok(DONE);
    }
    if printed == 0 {
        if all || state.is_some() {
            ctx.out.note("there are no such jobs");
        } else {
            ctx.out.note("nothing waits or runs");
            ctx.out.hint("`--all` shows what has ended too");
        }
        return Ok(DONE);
    }
    if printed == lines {
        ctx.out.hint(format!("these are the newest {lines}; `-n` shows more"));
    }
    say_when_nobody_runs(ctx, &service)?;
    Ok(DONE)
}

fn table(jobs: &[JobView], now: i64) -> Table {
    let mut table = Table::new(&["ID", "WHAT", "SERVER", "STATE", "WHY", "BY", "SINCE"]);
    for job in jobs {
        table.row(vec![
            job.id.to_string().into(),
            job.title.as_str().into(),
            job.server_name.as_str().into(),
            state_cell(job),
            or_dash(why(job, now)),
            job.requested_by.as_str().into(),
            text::ago(now, job.finished_at.unwrap_or(job.created_at).0).into(),
        ]);
    }
    table
}

/// As the table says it, or as `--json` does.
fn parse_state(word: &str) -> Result<JobState, Stop> {
    match word {
        "waiting" => Ok(JobState::Queued),
        "needs-you" | "needs you" => Ok(JobState::Attention),
        other => other.parse().map_err(|_| {
            Stop::usage(format!("`{word}` is no state of a job"))
                .hint("states are waiting, running, needs-you, succeeded, failed and cancelled")
        }),
    }
}

fn state_cell(job: &JobView) -> Cell {
    let paint = match job.state.as_str() {
        "running" => Paint::Busy,
        "succeeded" => Paint::Good,
        "failed" => Paint::Bad,
        "attention" | "cancelling" => Paint::Asking,
        _ => Paint::Plain,
    };
    let word = match job.state.as_str() {
        "attention" => "needs you",
        "queued" => "waiting",
        other => other,
    };
    Cell::painted(word, paint)
}

/// Why it waits or how it ended, in one line.
fn why(job: &JobView, now: i64) -> Option<String> {
    let words = match (&job.waiting, job.steps.iter().find(|step| step.state == "started")) {
        (Some(waiting), _) => waits(waiting, now),
        (None, Some(step)) => step.name.clone(),
        (None, None) => job.reason.clone()?,
    };
    let line = text::tame(words.lines().next().unwrap_or_default());
    // The column before says that it waits.
    Some(line.strip_prefix("waiting ").map_or(line.clone(), str::to_owned))
}

fn show(ctx: &Ctx, id: i64) -> Done {
    let service = ctx.service()?;
    let progress = service.progress(id, i64::MAX)?;
    let job = &progress.view;
    if ctx.out.json {
        ctx.out.document(job)?;
        return Ok(DONE);
    }
    let now = ctx.now_ms();
    let reason = match &job.waiting {
        Some(waiting) => Some(waits(waiting, now)),
        None => job.reason.clone(),
    };
    print_fields(
        &ctx.out,
        &[
            ("job", Some(format!("{}: {}", job.id, crate::service::jobs::title(&progress.job)))),
            ("state", Some(job.state.clone())),
            ("reason", reason),
            ("asked by", Some(job.requested_by.clone())),
            ("asked", Some(text::ago(now, job.created_at.0))),
            ("began", job.started_at.map(|at| text::ago(now, at.0))),
            ("took", job.finished_at.zip(job.started_at).map(|(end, start)| text::duration(end.0 - start.0))),
            ("tries", (job.attempt > 0).then(|| format!("{} ended and were tried again", job.attempt))),
            ("retry of", job.retry_of.map(|id| format!("job {id}"))),
            ("successor", job.superseded_by.map(|id| format!("job {id}"))),
            ("deployment", job.deployment_id.map(|id| id.to_string())),
        ],
    )?;
    if !job.steps.is_empty() {
        ctx.out.line("")?;
        let mut table = Table::new(&["STEP", "STATE", "TOOK", "NOTE"]);
        for step in &job.steps {
            let paint = match step.state.as_str() {
                "succeeded" | "skipped" => Paint::Good,
                "failed" => Paint::Bad,
                "started" => Paint::Busy,
                _ => Paint::Plain,
            };
            let asked_about = step.state == "started" && progress.job.state == JobState::Attention;
            let took = match (step.started_at, step.finished_at) {
                (Some(start), Some(end)) => Some(text::duration(end.0 - start.0)),
                (Some(start), None) if !asked_about => Some(text::clock(now - start.0)),
                _ => None,
            };
            let exit = step.exit_code.filter(|code| *code != 0).map(|code| format!("exit {code}"));
            let word = match step.state.as_str() {
                "started" if asked_about => "in question",
                "started" => "running",
                other => other,
            };
            table.row(vec![
                step.name.as_str().into(),
                Cell::painted(word, paint),
                or_dash(took),
                or_dash(exit.or_else(|| step.note.as_deref().map(text::tame))),
            ]);
        }
        table.print(&ctx.out)?;
    }
    if let Some(hint) = &job.hint {
        ctx.out.hint(hint);
    } else if progress.job.state == JobState::Attention {
        ctx.out.hint(format!("`infrakt job resolve {id} --done|--rerun|--fail` answers it"));
    }
    if !progress.job.state.is_final() {
        say_when_nobody_runs(ctx, &service)?;
    }
    Ok(DONE)
}

/// Prints what is stored of a log.
pub(super) fn print_log(ctx: &Ctx, service: &Service, id: i64) -> Done {
    let mut printer = LogPrinter::default();
    let mut cursor = 0;
    loop {
        let progress = service.progress(id, cursor)?;
        cursor = progress.chunks.last().map_or(cursor, |chunk| chunk.seq);
        printer.print(ctx, &progress)?;
        if !progress.more {
            printer.finish(ctx)?;
            return Ok(DONE);
        }
    }
}

/// Prints a log while it grows; starts nothing.
fn follow_log(ctx: &Ctx, id: i64) -> Done {
    let service = ctx.service()?;
    let mut printer = LogPrinter::default();
    ctx.block_on(async {
        let bell = service.bell()?.clone();
        let carry = bell.carry(service.db().clone());
        tokio::pin!(carry);
        let gone = reader_gone();
        tokio::pin!(gone);
        let mut listener = bell.listen();
        let mut cursor = 0;
        loop {
            let progress = service.progress(id, cursor)?;
            cursor = progress.chunks.last().map_or(cursor, |chunk| chunk.seq);
            printer.print(ctx, &progress)?;
            if progress.more {
                continue;
            }
            if progress.job.state.is_final() || progress.job.state == JobState::Attention {
                printer.finish(ctx)?;
                let failure = progress.job.failure.as_ref().map(|failure| failure.code.as_str());
                return Ok(exit::of_job(progress.job.state, failure));
            }
            tokio::select! {
                () = listener.heard() => {}
                () = &mut carry => {}
                () = &mut gone => return Err(Stop::PipeClosed),
            }
        }
    })?
}

/// The log as text: a heading where another step begins, the lines meant for the engine left out. Into a pipe goes what the step
/// wrote; a terminal gets no escapes.
#[derive(Default)]
struct LogPrinter {
    step: Option<(i32, i32)>,
    rest: Vec<u8>,
}

impl LogPrinter {
    fn print(&mut self, ctx: &Ctx, progress: &crate::service::jobs::Progress) -> Result<(), Stop> {
        for chunk in &progress.chunks {
            if ctx.out.json {
                ctx.out.event(&log_event(progress.job.id, chunk))?;
                continue;
            }
            let step = chunk.step_seq.zip(chunk.run);
            if step.is_none() {
                // Between lines: one that is under way is not torn apart.
                for line in chunk.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    ctx.out.line(ctx.out.out(&text::tame(&String::from_utf8_lossy(line)), Paint::Faint))?;
                }
                continue;
            }
            if step != self.step {
                self.finish(ctx)?;
                self.step = step;
                let run = progress.runs.iter().find(|run| Some((run.seq, run.run)) == step);
                let name = run.map_or("step", |run| run.name.as_str());
                let again = run.filter(|run| run.run > 1).map(|run| format!(" (run {})", run.run)).unwrap_or_default();
                ctx.out.line(ctx.out.out(&format!("==> {name}{again}"), Paint::Strong))?;
            }
            self.rest.extend_from_slice(&chunk.bytes);
            while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                self.line(ctx, &line)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, ctx: &Ctx) -> Result<(), Stop> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let mut line = std::mem::take(&mut self.rest);
        line.push(b'\n');
        self.line(ctx, &line)
    }

    fn line(&self, ctx: &Ctx, line: &[u8]) -> Result<(), Stop> {
        if Marker::is_one(line) {
            return Ok(());
        }
        match ctx.out.width {
            Some(_) => ctx.out.line(text::tame(&String::from_utf8_lossy(line))),
            None => ctx.out.raw(line),
        }
    }
}

fn cancel(ctx: &Ctx, id: i64) -> Done {
    let service = ctx.service()?;
    let became = service.cancel_job(id, &config::requested_by())?;
    let message = match became {
        Cancelled::Ended => format!("job {id} is cancelled: it had not begun"),
        Cancelled::Asked => format!("job {id} is being cancelled"),
        Cancelled::Late => format!("job {id} had ended before"),
    };
    if became == Cancelled::Asked {
        see_that_somebody_runs(ctx, &service)?;
    }
    if ctx.out.json {
        ctx.out.document(&json!({ "job_id": id, "message": message }))?;
    } else if became != Cancelled::Late {
        ctx.out.line(message)?;
        if became == Cancelled::Asked {
            ctx.out.hint(format!("`infrakt job follow {id}` shows when nothing of it lives any more"));
        }
        return Ok(DONE);
    }
    if became == Cancelled::Late {
        let state = service.job(id)?.state;
        return Err(Stop::new(exit::REFUSED, format!("job {id} has ended already: {state}")));
    }
    Ok(DONE)
}

fn retry(ctx: &Ctx, id: i64, waiting: &Waiting) -> Done {
    let how = waiting.decide(false)?;
    let service = ctx.service()?;
    let retried = service.retry_job(id, &config::requested_by())?;
    if !ctx.out.json {
        match (&retried.starts_over, retried.kept.as_slice()) {
            (Some(why), _) => ctx.out.note(format!("it starts over: {why}")),
            (None, []) => {}
            (None, kept) => ctx.out.note(format!("done already and kept: {}", kept.join(", "))),
        }
    }
    after_enqueue(ctx, &service, &retried.enqueued, how)
}

fn resolve(ctx: &Ctx, id: i64, answer: &Answer) -> Done {
    let answer = match (answer.done, answer.rerun) {
        (true, _) => Resolution::Done,
        (_, true) => Resolution::Rerun,
        (false, false) => Resolution::Fail,
    };
    let service = ctx.service()?;
    let job = service.resolve_job(id, answer, &config::requested_by())?;
    see_that_somebody_runs(ctx, &service)?;
    if ctx.out.json {
        ctx.out.document(&job)?;
    } else {
        ctx.out.line(format!("job {id} goes on with the answer `{answer}`"))?;
        ctx.out.hint(format!("`infrakt job follow {id}` shows how it goes"));
    }
    Ok(DONE)
}

fn bump(ctx: &Ctx, id: i64) -> Done {
    let service = ctx.service()?;
    let job = service.bump_job(id)?;
    see_that_somebody_runs(ctx, &service)?;
    if ctx.out.json {
        ctx.out.document(&job)?;
    } else {
        ctx.out.line(format!("job {id} goes before all others that wait for {}", job.server_name))?;
    }
    Ok(DONE)
}
