//! Takes over the jobs of processes that are gone: their lock can be taken, or their lease is over.

use super::claim::Claim;
use super::error::QueueError;
use super::put_back::{PutBack, Requeue, ask_person, requeue};
use super::record::owned;
use super::worker::{self, Life};
use super::{MAX_RESCUES, cancel, event};
use crate::domain::job::Job;
use crate::store::{Conn, Db, jobs, running, workers};
use std::collections::BTreeMap;
use std::path::Path;

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
    let Ok(entries) = std::fs::read_dir(run_dir) else { return Ok(()) };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let ids: Vec<String> = names.filter_map(|name| name.strip_suffix(".lock").map(str::to_owned)).collect();
    let known = db.read(workers::list)?;
    for id in ids.iter().filter(|id| !known.iter().any(|row| row.id == **id)) {
        // A process that starts just now has locked its file before its row is there, or makes it anew.
        if let Life::Dead(Some(_lock)) = worker::look(run_dir, id) {
            let _ = std::fs::remove_file(worker::lock_path(run_dir, id));
        }
    }
    Ok(())
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
