//! The one writer of a process. Writes that are asked for while another is under way share its commit: one fsync for all of them, and
//! each returns when that is done. They run one after the other all the same, each seeing what those before it wrote; one that fails
//! takes back its own part alone.

use super::conn::Conn;
use super::disk;
use super::error::StoreError;
use super::{lock, open_writer};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many writes share a commit at most, and for so long behind the first one others may join: it waits for the last one, and other
/// processes wait for all.
const SHARED_MOST: usize = 64;
const SHARED_FOR: Duration = Duration::from_millis(10);

pub(super) struct Writer {
    /// Who has asked and not got it yet: whoever has it leaves the commit to them.
    waiting: AtomicUsize,
    state: Mutex<State>,
    shared_for: Duration,
}

struct State {
    conn: Conn,
    /// Those whose writes stand in the transaction that is open. While nobody has the writer somebody waits for it.
    group: Option<Group>,
}

/// Writes of one transaction.
struct Group {
    members: usize,
    /// When the first of them had written.
    since: Instant,
    outcome: Arc<Outcome>,
}

/// What became of a shared transaction.
#[derive(Default)]
struct Outcome {
    /// None while it is open.
    ended: Mutex<Option<Result<(), Fault>>>,
    changed: Condvar,
}

/// Why nothing of a shared transaction stays, as each of those who shared it is told.
struct Fault {
    path: PathBuf,
    full: bool,
    reason: String,
}

impl Writer {
    pub(super) fn new(conn: Conn) -> Self {
        Self { waiting: AtomicUsize::new(0), state: Mutex::new(State { conn, group: None }), shared_for: SHARED_FOR }
    }

    /// Runs `work` with the right to write; on disk when this returns `Ok`, and nothing of it otherwise.
    pub(super) fn write<T, E: From<StoreError>>(
        &self,
        path: &Arc<Path>,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        self.waiting.fetch_add(1, SeqCst);
        let mut guard = lock(&self.state);
        self.waiting.fetch_sub(1, SeqCst);
        let State { conn, group } = &mut *guard;
        let mut own = match group.take() {
            Some(open) => open,
            None => {
                if !conn.is_clean() {
                    *conn = open_writer(path)?;
                }
                conn.begin_immediate()?;
                Group { members: 0, since: Instant::now(), outcome: Arc::default() }
            }
        };
        // Others have written in this transaction, or may: a panic is theirs as little as an error.
        let result = catch_unwind(AssertUnwindSafe(|| match own.members {
            0 => work(conn),
            _ => conn.within(work),
        }));
        let wrote = matches!(result, Ok(Ok(_)));
        if conn.depth() != Some(1) {
            // SQLite ends a whole transaction by itself where the disk is full or fails.
            let fault = Fault::rolled_back(path);
            let error = fault.error();
            own.outcome.end(Err(fault));
            return match wrote {
                true => Err(error.into()),
                false => result.unwrap_or_else(|panic| resume_unwind(panic)),
            };
        }
        if wrote {
            own.members += 1;
            own.since = if own.members == 1 { Instant::now() } else { own.since };
        }
        if own.members == 0 {
            conn.roll_back();
            return result.unwrap_or_else(|panic| resume_unwind(panic));
        }
        let others = self.waiting.load(SeqCst) > 0;
        if others && own.members < SHARED_MOST && own.since.elapsed() < self.shared_for {
            let outcome = own.outcome.clone();
            *group = Some(own);
            drop(guard);
            // One that failed waits too: it may have failed for what another has written, which nobody else sees yet.
            outcome.wait()?;
            return result.unwrap_or_else(|panic| resume_unwind(panic));
        }
        match conn.commit() {
            Ok(()) => own.outcome.end(Ok(())),
            Err(error) => {
                own.outcome.end(Err(Fault::of(path, &error)));
                return Err(error.into());
            }
        }
        result.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Fault {
    fn rolled_back(path: &Path) -> Self {
        let reason = "the transaction that it was part of was rolled back".to_owned();
        Self { path: path.to_path_buf(), full: disk::is_full(path), reason }
    }

    fn of(path: &Path, error: &StoreError) -> Self {
        Self { path: path.to_path_buf(), full: matches!(error, StoreError::Full { .. }), reason: error.to_string() }
    }

    fn error(&self) -> StoreError {
        match self.full {
            true => StoreError::Full { path: self.path.clone() },
            false => StoreError::Io { path: self.path.clone(), reason: self.reason.clone() },
        }
    }
}

impl Outcome {
    fn end(&self, how: Result<(), Fault>) {
        *lock(&self.ended) = Some(how);
        self.changed.notify_all();
    }

    fn wait(&self) -> Result<(), StoreError> {
        let open = |ended: &mut Option<Result<(), Fault>>| ended.is_none();
        let ended = self.changed.wait_while(lock(&self.ended), open).unwrap_or_else(PoisonError::into_inner);
        match &*ended {
            Some(Err(fault)) => Err(fault.error()),
            Some(Ok(())) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Db, meta, sql};
    use std::sync::mpsc;

    type Work = fn(&mut Conn) -> Result<(), StoreError>;

    struct Home {
        db: Db,
        writer: Writer,
        path: Arc<Path>,
        _dir: tempfile::TempDir,
    }

    impl Home {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let path: Arc<Path> = dir.path().join("infrakt.db").into();
            let db = Db::open(&path).unwrap();
            // However slow the machine is.
            let writer = Writer { shared_for: Duration::MAX, ..Writer::new(open_writer(&path).unwrap()) };
            Self { db, writer, path, _dir: dir }
        }

        /// Writes that are asked for, in this order, while another one is under way: what each returned, that one first.
        fn at_once(&self, works: &[Work]) -> Vec<Result<(), String>> {
            std::thread::scope(|scope| {
                let (begun, has_begun) = mpsc::channel();
                let (go_on, held) = mpsc::channel();
                let mut all = vec![scope.spawn(move || {
                    self.writer.write(&self.path, |conn| {
                        begun.send(()).unwrap();
                        held.recv().unwrap();
                        meta::set(conn, "first", "there")
                    })
                })];
                has_begun.recv().unwrap();
                for work in works {
                    let before = all.len() - 1;
                    all.push(scope.spawn(move || self.writer.write(&self.path, work)));
                    while self.writer.waiting.load(SeqCst) == before {
                        std::thread::yield_now();
                    }
                }
                go_on.send(()).unwrap();
                let said = |joined: std::thread::Result<Result<(), StoreError>>| match joined {
                    Ok(done) => done.map_err(|error| error.to_string()),
                    Err(_) => Err("panicked".to_owned()),
                };
                all.into_iter().map(|one| said(one.join())).collect()
            })
        }

        fn there(&self) -> Vec<&'static str> {
            let is_there = |key: &&str| self.db.read(|conn| meta::get(conn, key)).unwrap().is_some();
            ["first", "a", "b", "c"].into_iter().filter(|key| is_there(key)).collect()
        }

        /// Transactions in the write-ahead log: a frame that ends one tells the size of the file behind it.
        fn commits(&self) -> usize {
            let log = std::fs::read(format!("{}-wal", self.path.display())).unwrap();
            let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
            let frame = 24 + number(8) as usize;
            (32..log.len()).step_by(frame).filter(|at| number(at + 4) != 0).count()
        }
    }

    const A: Work = |conn| meta::set(conn, "a", "there");
    const B: Work = |conn| meta::set(conn, "b", "there");
    const FAILS: Work = |conn| {
        meta::set(conn, "c", "half")?;
        Err(StoreError::NoPortLeft)
    };
    const PANICS: Work = |conn| {
        meta::set(conn, "c", "half")?;
        panic!("in the middle")
    };

    #[test]
    fn writes_that_come_while_one_is_under_way_share_its_commit() {
        let home = Home::new();
        let before = home.commits();
        assert_eq!(home.at_once(&[A, B]), [Ok(()), Ok(()), Ok(())]);
        assert_eq!((home.there(), home.commits() - before), (vec!["first", "a", "b"], 1));
        home.writer.write(&home.path, |conn| meta::set(conn, "c", "there")).unwrap();
        assert_eq!(home.commits() - before, 2, "alone it has its own");
    }

    #[test]
    fn one_that_fails_takes_back_its_own_part_alone() {
        for (works, expect) in [
            ([FAILS, A], ["first", "a"]),
            ([A, FAILS], ["first", "a"]),
            ([PANICS, A], ["first", "a"]),
            ([A, PANICS], ["first", "a"]),
        ] {
            let home = Home::new();
            let before = home.commits();
            let done = home.at_once(&works);
            assert_eq!(done.iter().filter(|one| one.is_ok()).count(), 2, "{done:?}");
            assert_eq!((home.there(), home.commits() - before), (expect.to_vec(), 1));
            home.writer.write(&home.path, B).unwrap();
        }
    }

    #[test]
    fn who_fails_for_what_another_has_written_finds_it_written() {
        let home = Home::new();
        let seen = |conn: &mut Conn| match meta::get(conn, "first")? {
            Some(_) => Err(StoreError::NoPortLeft),
            None => Ok(()),
        };
        std::thread::scope(|scope| {
            let (begun, has_begun) = mpsc::channel();
            let (go_on, held) = mpsc::channel();
            let (writer, path) = (&home.writer, &home.path);
            scope.spawn(move || {
                writer.write(path, |conn| {
                    begun.send(()).unwrap();
                    held.recv().unwrap();
                    meta::set(conn, "first", "there")
                })
            });
            has_begun.recv().unwrap();
            let refused = scope.spawn(|| {
                let refused = writer.write(path, seen);
                (refused.is_err(), home.there())
            });
            // One more behind it, so that the one refused does not commit for all.
            while writer.waiting.load(SeqCst) == 0 {
                std::thread::yield_now();
            }
            scope.spawn(move || writer.write(path, A));
            while writer.waiting.load(SeqCst) == 1 {
                std::thread::yield_now();
            }
            go_on.send(()).unwrap();
            let (refused, there) = refused.join().unwrap();
            assert!(refused && there.contains(&"first"), "{there:?}");
        });
    }

    #[test]
    fn where_nothing_stays_nobody_is_told_otherwise() {
        // As SQLite does by itself when the disk is full.
        const ENDS_ALL: Work = |conn| sql::batch(conn, "ROLLBACK");
        // A row that points nowhere, which only the commit finds.
        const SPOILS: Work =
            |conn| sql::batch(conn, "PRAGMA defer_foreign_keys = ON; INSERT INTO deployments(app_id) VALUES (99)");
        for spoiler in [ENDS_ALL, SPOILS] {
            let home = Home::new();
            let done = home.at_once(&[A, spoiler]);
            assert!(done[0].is_err() && done[2].is_err(), "{done:?}");
            // Whose turn comes behind the end of all has a transaction of its own.
            assert_eq!(home.there().contains(&"a"), done[1].is_ok(), "{done:?}");
            assert!(!home.there().contains(&"first"));
            home.writer.write(&home.path, B).unwrap();
            assert!(home.there().contains(&"b"));
        }
    }
}
