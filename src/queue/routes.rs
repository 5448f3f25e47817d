//! Routes and the jobs that put them on their server. The rows change with the request, in its transaction; a job that does not
//! come to it takes its changes back in the transaction of its end, so that rows and server agree.
//!
//! Requests gather in the one job that waits and has not begun: many at once cost one check and one reload. Each domain is answered
//! by itself: what the server keeps for somebody else is refused, the others are put there.

use super::enqueue::{Enqueued, NewJob, enqueue, not_being_destroyed};
use super::error::QueueError;
use super::event;
use crate::domain::job::{Job, JobState, lane_of_server};
use crate::domain::route::{ProxyArgs, RouteChange, RouteTarget, WantedRoute};
use crate::store::routes::{self, Route};
use crate::store::{Conn, StoreError, apps, jobs, ports};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Accepts changes of a server's routes, and makes them in its rows. Inside the caller's transaction.
pub fn ask(
    conn: &mut Conn,
    now: i64,
    server: (i64, &str),
    wanted: &ProxyArgs,
    by: &str,
) -> Result<Enqueued, QueueError> {
    let waiting = alive(conn, server.0)?.into_iter().rfind(|(job, args)| {
        let unbegun = job.state == JobState::Queued && !job.has_begun() && job.cancel_at.is_none();
        // The steps of a set-up are more than those of a change, and a plan that is written stays.
        unbegun && (args.setup || !wanted.setup)
    });
    let enqueued = match waiting {
        Some((job, mut args)) => {
            args.reload |= wanted.reload;
            wanted.changes.iter().for_each(|change| args.add(change.clone()));
            jobs::set_args(conn, job.id, &to_text(&args))?;
            Enqueued::Joined(event::job(conn, now, job.id)?)
        }
        None => enqueue(conn, now, &NewJob::proxy(server.0, server.1, to_text(wanted), by))?,
    };
    for change in &wanted.changes {
        routes::set(conn, server.0, &change.domain, change.after)?;
    }
    Ok(enqueued)
}

/// The routes that a job is to put on its server: as the rows say, without what other jobs that are still to come have changed.
pub fn of_job(conn: &mut Conn, job: &Job) -> Result<Vec<WantedRoute>, StoreError> {
    let server_id = job.server_id.unwrap_or_default();
    let rows = routes::of_server(conn, server_id)?;
    let mut wanted: BTreeMap<String, RouteTarget> =
        rows.into_iter().filter_map(|row: Route| Some((row.domain.clone(), row.target()?))).collect();
    let own = args_of(job);
    for (other, args) in alive(conn, server_id)?.into_iter().rev().filter(|(other, _)| other.id != job.id) {
        for change in args.changes {
            // One that was asked for earlier and comes later: what this job was asked for is newer.
            if other.id < job.id && own.change_of(&change.domain).is_some() {
                continue;
            }
            match change.before {
                Some(before) => wanted.insert(change.domain, before),
                None => wanted.remove(&change.domain),
            };
        }
    }
    resolve(conn, wanted)
}

/// All routes of a server, in the order in which they were made.
pub fn of_server(conn: &mut Conn, server_id: i64) -> Result<Vec<WantedRoute>, StoreError> {
    let rows = routes::of_server(conn, server_id)?.into_iter();
    let led: Vec<_> = rows.filter_map(|row| Some((row.domain.clone(), row.target()?))).collect();
    resolve(conn, led)
}

fn resolve(
    conn: &mut Conn,
    led: impl IntoIterator<Item = (String, RouteTarget)>,
) -> Result<Vec<WantedRoute>, StoreError> {
    let mut routes = Vec::new();
    // Each app once: it brings all its domains along. None: it is gone.
    let mut apps_seen: BTreeMap<i64, Option<(String, Option<u16>)>> = BTreeMap::new();
    for (domain, target) in led {
        match target {
            RouteTarget::Port(port) => routes.push(WantedRoute { domain, app: None, port: Some(port) }),
            RouteTarget::App(id) => {
                if let Entry::Vacant(unseen) = apps_seen.entry(id) {
                    unseen.insert(name_and_port(conn, id)?);
                }
                let Some(Some((app, port))) = apps_seen.get(&id) else { continue };
                routes.push(WantedRoute { domain, app: Some(app.clone()), port: *port });
            }
        }
    }
    Ok(routes)
}

/// What a route to an app leads to; `None`: there is no such app.
fn name_and_port(conn: &mut Conn, id: i64) -> Result<Option<(String, Option<u16>)>, StoreError> {
    let Some(app) = apps::find(conn, id)? else { return Ok(None) };
    let port = match app.current_deployment_id {
        Some(_) => ports::find(conn, id, ports::MAIN)?,
        None => None,
    };
    Ok(Some((app.name, port)))
}

/// The job has not done it (of `only` these domains): what stood before stands again, unless somebody has changed it since.
pub(crate) fn take_back(conn: &mut Conn, job: &Job, only: Option<&[String]>) -> Result<(), StoreError> {
    let Some(server_id) = job.server_id else { return Ok(()) };
    let later: Vec<(Job, ProxyArgs)> =
        alive(conn, server_id)?.into_iter().filter(|(other, _)| other.id > job.id).collect();
    for change in args_of(job).changes.iter().filter(|change| only.is_none_or(|only| only.contains(&change.domain))) {
        let heir = later.iter().find(|(_, args)| args.change_of(&change.domain).is_some());
        match heir {
            Some((heir, args)) => {
                let mut args = args.clone();
                for one in args.changes.iter_mut().filter(|one| one.domain == change.domain) {
                    one.before = change.before;
                }
                jobs::set_args(conn, heir.id, &to_text(&args))?;
            }
            None => restore(conn, server_id, change)?,
        }
    }
    Ok(())
}

fn restore(conn: &mut Conn, server_id: i64, change: &RouteChange) -> Result<(), StoreError> {
    let now = routes::find(conn, server_id, &change.domain)?.and_then(|route| route.target());
    if now != change.after {
        return Ok(());
    }
    let before = match change.before {
        Some(RouteTarget::App(id)) if apps::find(conn, id)?.is_none() => None,
        before => before,
    };
    routes::set(conn, server_id, &change.domain, before)
}

/// A job that ended without having done it is to be tried again: its changes are made in the rows once more. Refused where a domain
/// leads elsewhere since.
pub(crate) fn change_again(conn: &mut Conn, old: &Job) -> Result<String, QueueError> {
    let server_id = old.server_id.unwrap_or_default();
    let mut args = args_of(old);
    for change in &args.changes {
        let now = routes::find(conn, server_id, &change.domain)?.and_then(|route| route.target());
        let there = match change.after {
            Some(RouteTarget::App(id)) => match apps::find(conn, id)?.filter(|app| app.server_id == server_id) {
                Some(app) => not_being_destroyed(conn, &app).map(|()| true)?,
                None => false,
            },
            Some(RouteTarget::Port(_)) | None => true,
        };
        if !there || (now != change.before && now != change.after) {
            return Err(QueueError::Gone { job: old.id, what: "the route" });
        }
    }
    for change in &mut args.changes {
        change.before = routes::find(conn, server_id, &change.domain)?.and_then(|route| route.target());
        routes::set(conn, server_id, &change.domain, change.after)?;
    }
    Ok(to_text(&args))
}

/// The jobs that change routes of a server and have not ended, the oldest first.
fn alive(conn: &mut Conn, server_id: i64) -> Result<Vec<(Job, ProxyArgs)>, StoreError> {
    let jobs = jobs::alive_of_routes(conn, &lane_of_server(server_id))?.into_iter();
    Ok(jobs
        .map(|job| {
            let args = args_of(&job);
            (job, args)
        })
        .collect())
}

/// Arguments that cannot be read change nothing here; the job that has them fails before its first step.
pub fn args_of(job: &Job) -> ProxyArgs {
    serde_json::from_str(&job.args).unwrap_or_default()
}

fn to_text(args: &ProxyArgs) -> String {
    serde_json::json!(args).to_string()
}
