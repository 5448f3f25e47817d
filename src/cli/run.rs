//! Behind each request: whether to wait, and that a living process is there to run the job.

use super::exit::{DONE, Done, Stop};
use super::follow::{self, Follow};
use super::{Ctx, ask, exit, text};
use crate::config::{self, WaitDefault};
use crate::queue::worker;
use crate::service::Service;
use crate::service::jobs::EnqueuedView;
use clap::Args;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Logs of detached workers are kept this long.
const LOGS_KEPT: Duration = Duration::from_secs(14 * 24 * 3600);

/// How long a detached worker may take to register; it goes on by itself all the same.
const START_LIMIT: Duration = Duration::from_secs(2);

/// The flags of every command that enqueues.
#[derive(Args)]
pub struct Waiting {
    /// Wait for the end, and show how it goes
    #[arg(long, conflicts_with = "no_wait")]
    wait: bool,
    /// Return as soon as the job is accepted
    #[arg(long)]
    no_wait: bool,
    /// Wait no longer than this; the job goes on
    #[arg(long, value_name = "TIME", conflicts_with = "no_wait")]
    timeout: Option<String>,
}

/// Whether to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Return,
    Wait { timeout_ms: Option<i64> },
}

impl Waiting {
    /// A flag, else `INFRAKT_WAIT`, else the command's own habit.
    pub fn decide(&self, habit: bool) -> Result<How, Stop> {
        let timeout_ms = self.timeout.as_deref().map(text::parse_duration).transpose().map_err(Stop::usage)?;
        let wait = match (self.wait || timeout_ms.is_some(), self.no_wait) {
            (true, _) => true,
            (_, true) => false,
            (false, false) => match config::wait_default()? {
                Some(WaitDefault::Always) => true,
                Some(WaitDefault::Never) => false,
                None => habit,
            },
        };
        Ok(if wait { How::Wait { timeout_ms } } else { How::Return })
    }
}

/// A job was accepted: wait for it, or see to it that somebody runs it and say how to follow.
pub fn after_enqueue(ctx: &Ctx, service: &Service, enqueued: &EnqueuedView, how: How) -> Done {
    // The worker that is started here, or this process, gets what is typed.
    if ask::on_terminal() && service.passphrase().is_none() {
        ctx.block_on(ask::with_passphrase(service, async || service.check_key_of_job(enqueued.job_id).await))??;
    }
    match how {
        How::Wait { timeout_ms } => {
            if ctx.out.json {
                ctx.out.event(&serde_json::json!({
                    "event": "enqueued", "job_id": enqueued.job_id, "deployment_id": enqueued.deployment_id,
                    "message": enqueued.message,
                }))?;
            } else if enqueued.in_place_of.is_some() {
                ctx.out.note(&enqueued.message);
            }
            follow::to_the_end(ctx, service, Follow { job_id: enqueued.job_id, timeout_ms })
        }
        How::Return => {
            see_that_somebody_runs(ctx, service)?;
            if ctx.out.json {
                ctx.out.document(enqueued)?;
            } else {
                ctx.out.line(&enqueued.message)?;
                ctx.out.hint(format!("`infrakt job follow {}` shows how it goes", enqueued.job_id));
            }
            Ok(DONE)
        }
    }
}

/// A process that runs the jobs of all lanes: a command that waits for one job serves its own lane only.
pub fn somebody_runs_all(service: &Service) -> Result<bool, Stop> {
    let living = worker::living(service.db(), &service.home().run()).map_err(crate::service::ServiceError::from)?;
    Ok(living.iter().any(|row| !row.draining && row.kind != worker::WorkerKind::Cli.as_str()))
}

/// Starts a detached worker if jobs wait and nobody is there.
pub fn see_that_somebody_runs(ctx: &Ctx, service: &Service) -> Result<(), Stop> {
    if !service.work_waits()? || somebody_runs_all(service)? {
        return Ok(());
    }
    start_worker(ctx, service)
}

/// Lists say when something waits and nobody is there to run it.
pub fn say_when_nobody_runs(ctx: &Ctx, service: &Service) -> Result<(), Stop> {
    if service.work_waits()? && !service.somebody_runs()? {
        ctx.out.warning("there is work to do, and no process that runs jobs");
        ctx.out.hint("`infrakt worker` runs them; so does `infrakt job follow ID`");
    }
    Ok(())
}

/// This binary again, in a session of its own, with nothing of this terminal.
fn start_worker(ctx: &Ctx, service: &Service) -> Result<(), Stop> {
    let home = service.home();
    let failed = |error: std::io::Error| Stop::new(exit::FAILED, format!("cannot start a worker: {error}"));
    sweep_logs(&home.logs());
    let log = home.logs().join(format!("worker-{}-{}.log", ctx.now_ms() / 1000, std::process::id()));
    let open = || OpenOptions::new().create(true).append(true).mode(0o600).open(&log);
    let mut command = Command::new(config::current_exe()?);
    command
        .arg("--home")
        .arg(home.dir())
        .args(["worker", "--until-idle"])
        .current_dir(home.dir())
        .stdout(Stdio::from(open().map_err(failed)?))
        .stderr(Stdio::from(open().map_err(failed)?));
    // A passphrase from the environment goes with it; one that was typed goes through a pipe and stays in memory.
    let typed = service.passphrase().filter(|_| config::ssh_passphrase().is_none());
    if typed.is_some() {
        command.arg("--passphrase-stdin").stdin(Stdio::piped());
    } else {
        command.stdin(Stdio::null());
    }
    // SAFETY: setsid is a bare system call, safe between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // It fails only for a process that leads a group already, which one just forked does not.
            libc::setsid();
            Ok(())
        });
    }
    let mut child = command.spawn().map_err(failed)?;
    if let (Some(passphrase), Some(mut pipe)) = (typed, child.stdin.take()) {
        pipe.write_all(passphrase.expose().as_bytes()).map_err(failed)?;
    }
    wait_until_it_lives(ctx, service, &mut child, &log)?;
    if std::process::id() == 1 {
        ctx.out.warning("the job's worker ends with this process, the first one of a container");
        ctx.out.hint("use `--wait`, or keep `infrakt worker` running");
    }
    Ok(())
}

/// A worker registers within some milliseconds. One that ends instead says why in its log.
fn wait_until_it_lives(ctx: &Ctx, service: &Service, child: &mut Child, log: &Path) -> Result<(), Stop> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline && !somebody_runs_all(service)? {
        if let Ok(Some(status)) = child.try_wait()
            && !status.success()
        {
            let said = std::fs::read_to_string(log).unwrap_or_default();
            let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            ctx.out.warning(format!("the worker ended at once: {}", text::tame(last)));
            ctx.out.hint(format!("the job waits; {} has all of it", log.display()));
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Old logs go; what cannot be removed stays.
fn sweep_logs(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let old = entry.metadata().and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
        if old.is_some_and(|age| age > LOGS_KEPT) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(wait: bool, no_wait: bool, timeout: Option<&str>) -> Waiting {
        Waiting { wait, no_wait, timeout: timeout.map(str::to_owned) }
    }

    #[test]
    fn flags_stand_above_the_habit() {
        assert_eq!(flags(true, false, None).decide(false).unwrap(), How::Wait { timeout_ms: None });
        assert_eq!(flags(false, true, None).decide(true).unwrap(), How::Return);
        assert_eq!(flags(false, false, Some("2m")).decide(false).unwrap(), How::Wait { timeout_ms: Some(120_000) });
        assert!(flags(true, false, Some("soon")).decide(false).is_err());
    }
}
