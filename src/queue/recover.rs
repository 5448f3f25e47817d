//! Takes over the jobs of processes that are gone: their lock can be taken, or their lease is over.

use super::claim::Claim;
use super::error::QueueError;
use super::put_back::{PutBack, Requeue, ask_person, requeue};
use super::record::owned;
use super::worker::{self, Life};
use super::{MAX_RESCUES, cancel, event, wake};
use crate::domain::job::Job;
use crate::store::workers::{self, WorkerRow};
use crate::store::{Conn, Db, StoreError, jobs, running};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// After a panic the same code meets the same rows: not at once.
const AFTER_PANIC_MS: i64 = 1_000;

/// A job that has lost its owner and may be claimed again (or waits for a person).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenOver {
    pub job: i64,
    pub lane: String,
    /// It ended its owner so often that a person is asked.
    pub attention: bool,
}

/// Puts back the jobs of dead owners, and forgets the dead. Cheap when nobody died: a read, and a try of each lock.
pub fn take_over_dead(db: &Db, run_dir: &Path, now: i64) -> Result<Vec<TakenOver>, QueueError> {
    let (running, known) = db.read(|conn| Ok::<_, QueueError>((jobs::running(conn)?, workers::list(conn)?)))?;
    let mut lives: BTreeMap<String, Life> = BTreeMap::new();
    for id in running.iter().filter_map(|job| job.worker.as_ref()).chain(known.iter().map(|row| &row.id)) {
        lives.entry(id.clone()).or_insert_with(|| worker::look(run_dir, id));
    }
    let mut taken = Vec::new();
    for job in &running {
        let dead = job.worker.as_ref().is_none_or(|id| matches!(lives.get(id), Some(Life::Dead(_))));
        if (dead || lease_is_over(job, now))
            && let Some(one) = db.write(|conn| take_over(conn, now, job, dead))?
        {
            taken.push(one);
        }
    }
    for row in &known {
        if matches!(lives.get(&row.id), Some(Life::Dead(_))) {
            db.write(|conn| workers::delete(conn, &row.id))?;
            let _ = std::fs::remove_file(worker::lock_path(run_dir, &row.id));
        }
    }
    sweep_locks(db, run_dir)?;
    Ok(taken)
}

/// Removes lock files that belong to no row: of processes that were killed between the two.
fn sweep_locks(db: &Db, run_dir: &Path) -> Result<(), QueueError> {
    for id in locks_without_row(run_dir, &|| db.read(workers::list))? {
        // A process that starts just now has locked its file before its row is there, or makes it anew.
        if let Life::Dead(Some(_lock)) = worker::look(run_dir, &id) {
            let _ = std::fs::remove_file(worker::lock_path(run_dir, &id));
        }
    }
    Ok(())
}

/// The rows are asked for behind the folder: a process locks its file first.
fn locks_without_row(
    run_dir: &Path,
    rows: &dyn Fn() -> Result<Vec<WorkerRow>, StoreError>,
) -> Result<Vec<String>, StoreError> {
    let Ok(entries) = std::fs::read_dir(run_dir) else { return Ok(Vec::new()) };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut ids: Vec<String> = names.filter_map(|name| name.strip_suffix(".lock").map(str::to_owned)).collect();
    let known = rows()?;
    ids.retain(|id| !known.iter().any(|row| row.id == *id));
    Ok(ids)
}

/// What processes that are gone have left in a home. The next one that runs jobs clears it away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftBehind {
    pub workers: Vec<WorkerRow>,
    /// Locks and sockets of nobody.
    pub files: Vec<PathBuf>,
}

/// Looks for it, and changes nothing.
pub fn left_behind(db: &Db, run_dir: &Path) -> Result<LeftBehind, QueueError> {
    let dead = |id: &str| matches!(worker::look(run_dir, id), Life::Dead(_));
    let locks = locks_without_row(run_dir, &|| db.read(workers::list))?;
    let mut workers = db.read(workers::list)?;
    workers.retain(|row| dead(&row.id));
    let locks = locks.iter().filter(|id| dead(id)).map(|id| worker::lock_path(run_dir, id));
    let mut files: Vec<PathBuf> = locks.chain(wake::dead_sockets(run_dir)).collect();
    // One that ended in order meanwhile has left nothing.
    files.retain(|path| path.exists());
    files.sort();
    Ok(LeftBehind { workers, files })
}

fn lease_is_over(job: &Job, now: i64) -> bool {
    job.lease_until.is_none_or(|until| until <= now)
}

/// The owner itself gives the job up after a bug of ours stopped it (a panic): the same rule as for one whose process died. True: a
/// person is asked.
pub fn give_up(db: &Db, claim: &Claim, now: i64, why: &str) -> Result<bool, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let rescues = job.rescues + 1;
        if rescues >= MAX_RESCUES {
            ask_person(
                conn,
                now,
                &job,
                &format!("a bug stopped it {rescues} times without a finished step: {why}"),
                rescues,
            )?;
            event::job(conn, now, job.id)?;
            return Ok(true);
        }
        let run_at = now + AFTER_PANIC_MS * i64::from(rescues);
        let back = PutBack { run_at, reason: Some(format!("a bug stopped it: {why}")), counts: false };
        requeue(
            conn,
            job.fence,
            now,
            &job,
            Requeue { back: &back, attempt: job.attempt, rescues, outcome: "panicked" },
        )?;
        Ok(false)
    })
}

/// Looked at again inside the transaction: the owner may have ended or renewed since.
fn take_over(conn: &mut Conn, now: i64, seen: &Job, dead: bool) -> Result<Option<TakenOver>, QueueError> {
    let Some(job) = running::owned(conn, seen.id, seen.fence)? else { return Ok(None) };
    if !dead && !lease_is_over(&job, now) {
        return Ok(None);
    }
    let rescues = job.rescues + 1;
    let attention = rescues >= MAX_RESCUES;
    if attention {
        let question = format!(
            "the process that ran it ended {rescues} times without finishing a step; `--rerun` tries again, `--fail` gives up"
        );
        ask_person(conn, now, &job, &question, rescues)?;
        event::job(conn, now, job.id)?;
    } else {
        let back = PutBack { run_at: now, reason: None, counts: false };
        requeue(
            conn,
            job.fence,
            now,
            &job,
            Requeue { back: &back, attempt: job.attempt, rescues, outcome: "taken_over" },
        )?;
        if let (Some(_), false) = (job.cancel_at, job.has_begun())
            && let Some(waiting) = jobs::find(conn, job.id)?.filter(|job| !job.state.is_final())
        {
            cancel::end_unbegun(conn, now, &waiting, waiting.cancel_by.as_deref().unwrap_or("its owner"))?;
            event::job(conn, now, job.id)?;
        }
    }
    Ok(Some(TakenOver { job: job.id, lane: job.lane, attention }))
}
