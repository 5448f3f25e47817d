//! What the owner of a job sees of the server itself: whether it answers, which key it shows, which port is taken. Behind the
//! fence like everything else it writes.

use super::claim::Claim;
use super::error::QueueError;
use super::record::owned;
use crate::domain::server::HostKey;
use crate::store::events::{self, Subject};
use crate::store::{Db, ports, servers};
use serde_json::json;

/// The server answered.
pub fn server_seen(db: &Db, claim: &Claim, now: i64) -> Result<(), QueueError> {
    server_answers(db, claim, now, None)
}

/// The server did not answer, or not as it should.
pub fn server_not_seen(db: &Db, claim: &Claim, now: i64, error: &str) -> Result<(), QueueError> {
    server_answers(db, claim, now, Some(error))
}

/// An event tells only what changed: whether it can be reached.
fn server_answers(db: &Db, claim: &Claim, now: i64, error: Option<&str>) -> Result<(), QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let Some(server) = (match job.server_id {
            Some(id) => servers::find(conn, id)?,
            None => None,
        }) else {
            return Ok(());
        };
        match error {
            None => servers::seen(conn, server.id, now)?,
            Some(error) => servers::not_seen(conn, server.id, error)?,
        }
        if server.last_error.is_some() != error.is_some() {
            let data = json!({ "reachable": error.is_none(), "error": error });
            events::insert(conn, now, "server", Subject::server(server.id), &data)?;
        }
        Ok(())
    })
}

/// The first contact pins the server's key and says so. False: another contact has pinned one meanwhile, which stays.
pub fn pin_first_host_key(db: &Db, claim: &Claim, now: i64, key: &HostKey) -> Result<bool, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let Some(id) = job.server_id else { return Ok(false) };
        if servers::find(conn, id)?.is_none() || !servers::pin_first_host_key(conn, id, key)? {
            return Ok(false);
        }
        events::insert(conn, now, "server", Subject::server(id), &json!({ "host_key_pinned": key }))?;
        Ok(true)
    })
}

/// The app's port turned out to be taken on the server by someone else: another one.
pub fn redraw_port(db: &Db, claim: &Claim, role: &str) -> Result<u16, QueueError> {
    db.write(|conn| {
        let job = owned(conn, claim)?;
        let gone = |what| QueueError::Gone { job: job.id, what };
        let server_id = job.server_id.ok_or(gone("the server"))?;
        let app_id = job.app_id.ok_or(gone("the app"))?;
        Ok(ports::redraw(conn, server_id, app_id, role)?)
    })
}
