//! Follows a job by numbers: log chunks by their dense number, changes by the id of their event. Nothing is missed or repeated,
//! whoever runs the job and however often the follower comes back.

use super::error::QueueError;
use crate::store::events::{self, Event};
use crate::store::logs::{self, Chunk};
use crate::store::{Conn, jobs};

/// The chunks behind `after` (0: from the first). An empty answer for a job that has ended is the end.
pub fn log_after(conn: &mut Conn, job_id: i64, after: i64, limit: i64) -> Result<Vec<Chunk>, QueueError> {
    if jobs::find(conn, job_id)?.is_none() {
        return Err(QueueError::NoJob(job_id));
    }
    Ok(logs::after(conn, job_id, after, limit)?)
}

/// What follows a cursor of the event stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Events {
    /// Possibly none yet. The last one's id is the next cursor.
    Next(Vec<Event>),
    /// Events behind the cursor are gone, or it was never given out: start anew from `cursor`, after reading the present state.
    Reset { cursor: i64 },
}

/// The cursor from which on everything that comes is new.
pub fn event_cursor(conn: &mut Conn) -> Result<i64, QueueError> {
    Ok(events::last_id(conn)?)
}

pub fn events_after(conn: &mut Conn, after: i64, limit: i64) -> Result<Events, QueueError> {
    let last = events::last_id(conn)?;
    let oldest = events::first_id(conn)?.unwrap_or(last + 1);
    if after > last || after + 1 < oldest {
        return Ok(Events::Reset { cursor: last });
    }
    Ok(Events::Next(events::after(conn, after, limit)?))
}
