//! A server's other name, for the jobs that have not ended. What has ended keeps the name that it ended under.

use super::enqueue::server_title;
use super::error::QueueError;
use super::event;
use crate::domain::job::lane_of_server;
use crate::store::{Conn, jobs};

/// In the transaction that renames it.
pub fn server(conn: &mut Conn, now: i64, server_id: i64, name: &str) -> Result<(), QueueError> {
    for job in jobs::alive_in_lane(conn, &lane_of_server(server_id))? {
        let title = server_title(job.kind, name).unwrap_or(job.title);
        jobs::set_names(conn, job.id, &title, name)?;
        event::job(conn, now, job.id)?;
    }
    Ok(())
}
