//! A step's log on its way from the connection into the database: masked, in chunks, with the offset of what is stored.

use crate::domain::job::JobStep;
use crate::domain::plan::Marker;
use crate::domain::step::StepId;
use crate::engine::interrupt::Flow;
use crate::engine::output::Scanner;
use crate::engine::probe::Point;
use crate::engine::run::Run;
use crate::render::mask::Masker;
use crate::ssh::{Frame, Remote};
use std::time::Duration;
use tokio::time::Instant;

/// A chunk is stored when it is this old …
const CHUNK_AGE: Duration = Duration::from_millis(250);
/// … or this large.
const CHUNK_BYTES: usize = 32 * 1024;

/// What is stored is the truth: after a lost line the log is asked for again from [`StoredLog::offset`] on.
pub struct StoredLog {
    seq: i32,
    run: i32,
    name: String,
    masker: Masker,
    scanner: Scanner,
    /// Masked bytes not stored yet, and how many raw bytes they stand for.
    chunk: Vec<u8>,
    chunk_raw: i64,
    /// Raw bytes stored.
    offset: i64,
    /// Raw bytes handed to the masker, stored or not.
    taken: i64,
    since: Option<Instant>,
}

impl StoredLog {
    /// `stored`: what the database has of this step's log, where an earlier owner stored some.
    pub fn new(row: &JobStep, masker: Masker, stored: &[Vec<u8>]) -> Self {
        let mut scanner = Scanner::new(StepId::from_stored(row.remote_id.clone()));
        stored.iter().for_each(|chunk| scanner.push(chunk));
        Self {
            seq: row.seq,
            run: row.run,
            name: row.name.clone(),
            masker,
            scanner,
            chunk: Vec::new(),
            chunk_raw: 0,
            offset: row.log_off,
            taken: row.log_off,
            since: None,
        }
    }

    /// Whether the body has said this by a marker.
    pub fn says(&self, key: &str) -> bool {
        self.scanner.says(key)
    }

    /// The first byte that is not stored.
    pub fn offset(&self) -> i64 {
        self.offset
    }

    /// The line is gone: what was not stored is asked for again.
    pub fn rewind(&mut self) {
        self.chunk.clear();
        self.chunk_raw = 0;
        self.taken = self.offset;
        self.masker = self.masker.fresh();
        self.since = None;
    }

    pub(super) async fn take<R: Remote + Clone + 'static>(&mut self, run: &mut Run<'_, R>, frame: Frame) -> Flow<()> {
        match frame {
            Frame::Beat => {}
            Frame::Data { offset, bytes } => {
                let (chunk, raw) = match usize::try_from(self.taken - offset) {
                    // A frame may begin before what is known: its beginning is dropped.
                    Ok(known) => self.masker.push(&bytes[known.min(bytes.len())..]),
                    Err(_) => {
                        tracing::warn!(expected = self.taken, offset, "the log jumps");
                        return Ok(());
                    }
                };
                self.taken = self.taken.max(offset + bytes.len() as i64);
                self.add(chunk, raw as i64);
                if self.chunk.len() >= CHUNK_BYTES {
                    self.flush(run).await?;
                }
            }
            Frame::Gap { offset, len } => {
                let (chunk, raw) = self.masker.finish();
                self.masker = self.masker.fresh();
                self.add(chunk, raw as i64);
                self.add(format!("\n[{len} bytes of output were dropped on the server]\n").into_bytes(), len);
                self.taken = offset + len;
                self.flush(run).await?;
            }
        }
        Ok(())
    }

    fn add(&mut self, chunk: Vec<u8>, raw: i64) {
        self.chunk.extend_from_slice(&chunk);
        self.chunk_raw += raw;
        if self.chunk_raw > 0 {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// Resolves when the chunk is old enough to be stored; never while there is none.
    pub(super) async fn due(&self) {
        match self.since {
            Some(since) => tokio::time::sleep_until(since + CHUNK_AGE).await,
            None => std::future::pending().await,
        }
    }

    pub(super) async fn flush<R: Remote + Clone + 'static>(&mut self, run: &mut Run<'_, R>) -> Flow<()> {
        self.since = None;
        if self.chunk_raw == 0 {
            return Ok(());
        }
        let offset = self.offset + self.chunk_raw;
        let chunk = std::mem::take(&mut self.chunk);
        self.chunk_raw = 0;
        self.scanner.push(&chunk);
        run.ledger().append_log(self.seq, self.run, self.offset, offset, chunk).await?;
        self.offset = offset;
        run.probe(Point::LogStored, &self.name).await;
        Ok(())
    }

    /// The step has ended and all of its log has come: what its lines said.
    pub(super) async fn finish<R: Remote + Clone + 'static>(
        mut self,
        run: &mut Run<'_, R>,
    ) -> Flow<(Vec<Marker>, String)> {
        let (chunk, raw) = self.masker.finish();
        self.add(chunk, raw as i64);
        self.flush(run).await?;
        Ok(self.scanner.finish())
    }
}
