//! Statuses follow from what happens to a job, in its transaction.

use crate::world::World;
use infrakt::domain::app::AppStatus;
use infrakt::domain::failure::Failure;
use infrakt::domain::job::JobKind;
use infrakt::domain::server::ServerStatus;
use infrakt::domain::step::StepState;
use infrakt::queue::enqueue::{NewJob, enqueue};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::{cancel, put_back};
use infrakt::store::{apps, servers};

fn failed(serving: Option<bool>) -> Ending {
    Ending::Failed { failure: Failure::permanent("step_failed", "x"), serving }
}

/// A deploy of an app that was `before` (with a version that serves, or none), up to `end`; deployment / app / server after each
/// moment.
fn deploy(before: AppStatus, has_version: bool, begin: bool, end: Option<Ending>) -> String {
    let mut world = World::new().server("a").app("blog");
    if has_version {
        world.deploy("blog", "h0");
        let claim = world.claim("a");
        world.done(&claim, 1, "fetch");
        world.finish(&claim, Ending::Succeeded);
    }
    let (app, now) = (world.find_app("blog"), world.now());
    world.db.write(|conn| apps::set_status(conn, now, app.id, before)).unwrap();
    let job = world.deploy("blog", "h1");
    let mut text = format!("enqueued {}", world.statuses(job.id));
    match end {
        Some(ending) => {
            let claim = world.claim("a");
            if begin {
                world.begin(&claim, 1, "fetch");
                text.push_str(&format!(", begun {}", world.statuses(job.id)));
            }
            world.finish(&claim, ending);
        }
        None => {
            world.deploy("blog", "h2");
        }
    }
    format!("{text}, at the end {}", world.statuses(job.id))
}

#[test]
fn the_table_of_a_deploy() {
    use AppStatus::{Deploying, Error, Running, Stopped};
    let mut table = String::new();
    for (what, before, has_version, begin, end) in [
        ("done", Running, true, true, Some(Ending::Succeeded)),
        ("first one done", Stopped, false, true, Some(Ending::Succeeded)),
        ("failed, the version before serves", Running, true, true, Some(failed(Some(true)))),
        ("failed, nothing serves", Running, true, true, Some(failed(Some(false)))),
        ("failed, nobody looked", Running, true, true, Some(failed(None))),
        ("first one failed", Stopped, false, true, Some(failed(None))),
        ("failed before it began", Running, true, false, Some(failed(None))),
        ("failed before it began, stopped by hand", Stopped, true, false, Some(failed(None))),
        ("first one failed before it began", Stopped, false, false, Some(failed(None))),
        ("cancelled", Running, true, true, Some(Ending::Cancelled)),
        ("cancelled before it began", Stopped, false, false, Some(Ending::Cancelled)),
        ("superseded", Error, false, false, None),
        ("cancelled, left as deploying by a crash long ago", Deploying, true, true, Some(Ending::Cancelled)),
        ("cancelled, left so without a version", Deploying, false, true, Some(Ending::Cancelled)),
    ] {
        table.push_str(&format!("{what}: {}\n", deploy(before, has_version, begin, end)));
    }
    insta::assert_snapshot!(table, @r"
    done: enqueued in_progress / running / inactive, begun in_progress / deploying / inactive, at the end success / running / inactive
    first one done: enqueued in_progress / stopped / inactive, begun in_progress / deploying / inactive, at the end success / running / inactive
    failed, the version before serves: enqueued in_progress / running / inactive, begun in_progress / deploying / inactive, at the end failed / running / inactive
    failed, nothing serves: enqueued in_progress / running / inactive, begun in_progress / deploying / inactive, at the end failed / error / inactive
    failed, nobody looked: enqueued in_progress / running / inactive, begun in_progress / deploying / inactive, at the end failed / running / inactive
    first one failed: enqueued in_progress / stopped / inactive, begun in_progress / deploying / inactive, at the end failed / error / inactive
    failed before it began: enqueued in_progress / running / inactive, at the end failed / running / inactive
    failed before it began, stopped by hand: enqueued in_progress / stopped / inactive, at the end failed / stopped / inactive
    first one failed before it began: enqueued in_progress / stopped / inactive, at the end failed / error / inactive
    cancelled: enqueued in_progress / running / inactive, begun in_progress / deploying / inactive, at the end cancelled / running / inactive
    cancelled before it began: enqueued in_progress / stopped / inactive, at the end cancelled / stopped / inactive
    superseded: enqueued in_progress / error / inactive, at the end cancelled / error / inactive
    cancelled, left as deploying by a crash long ago: enqueued in_progress / deploying / inactive, begun in_progress / deploying / inactive, at the end cancelled / running / inactive
    cancelled, left so without a version: enqueued in_progress / deploying / inactive, begun in_progress / deploying / inactive, at the end cancelled / error / inactive
    ");
}

/// A short job on an app that was `before`, up to its end; the app at the end, `gone` if it is.
fn short(kind: JobKind, before: AppStatus, ending: Ending, runs: Option<bool>) -> String {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let claim = world.claim("a");
    world.done(&claim, 1, "fetch");
    world.finish(&claim, Ending::Succeeded);
    let (app, now) = (world.find_app("blog"), world.now());
    let job = NewJob::run_state(kind, (app.server_id, "a"), (app.id, "blog"), "ann");
    world
        .db
        .write(|conn| {
            apps::set_status(conn, now, app.id, before)?;
            enqueue(conn, now, &job)
        })
        .unwrap();
    let claim = world.claim("a");
    world.done(&claim, 1, "step");
    let effects = Effects { runs, ..Effects::default() };
    finish(&world.db, &claim, now, &ending, &effects).unwrap();
    let after = world.db.read(|conn| apps::find(conn, app.id)).unwrap();
    after.map_or("gone".to_owned(), |app| app.status.to_string())
}

#[test]
fn the_table_of_short_jobs() {
    use AppStatus::{Error, Running, Stopped};
    use JobKind::{DbDestroy, Destroy, EnvPush, Restart, Start, Stop};
    let mut table = String::new();
    for kind in [Restart, Stop, Start, EnvPush, Destroy, DbDestroy] {
        for before in [Running, Stopped, Error] {
            let ends = [
                ("done", Ending::Succeeded, None),
                ("done, runs", Ending::Succeeded, Some(true)),
                ("done, rests", Ending::Succeeded, Some(false)),
                ("failed", failed(None), None),
                ("failed, serves", failed(Some(true)), Some(true)),
                ("failed, nothing serves", failed(Some(false)), Some(false)),
                ("cancelled", Ending::Cancelled, None),
                ("cancelled, nothing serves", Ending::Cancelled, Some(false)),
            ];
            let ends = ends.map(|(what, ending, runs)| format!("{what}: {}", short(kind, before, ending, runs)));
            table.push_str(&format!("{kind} of {before}: {}\n", ends.join("; ")));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_table_of_a_provisioning() {
    let mut table = String::new();
    for before in [ServerStatus::Inactive, ServerStatus::Active, ServerStatus::Provisioning] {
        for (what, begin, ending) in [
            ("done", true, Ending::Succeeded),
            ("failed", true, failed(None)),
            ("cancelled", true, Ending::Cancelled),
            ("failed before it began", false, failed(None)),
        ] {
            let mut world = World::new().server("a");
            let (server, now) = (world.find_server("a"), world.now());
            world.db.write(|conn| servers::set_status(conn, now, server.id, before)).unwrap();
            let job = world.provision("a");
            let claim = world.claim("a");
            let mut text = format!("{before}, {what}: ");
            if begin {
                world.begin(&claim, 1, "packages");
                text.push_str(&format!("begun {}, ", world.statuses(job.id)));
            }
            world.finish(&claim, ending);
            table.push_str(&format!("{text}at the end {}\n", world.statuses(job.id)));
        }
    }
    insta::assert_snapshot!(table, @r"
    inactive, done: begun - / - / provisioning, at the end - / - / active
    inactive, failed: begun - / - / provisioning, at the end - / - / inactive
    inactive, cancelled: begun - / - / provisioning, at the end - / - / inactive
    inactive, failed before it began: at the end - / - / inactive
    active, done: begun - / - / provisioning, at the end - / - / active
    active, failed: begun - / - / provisioning, at the end - / - / active
    active, cancelled: begun - / - / provisioning, at the end - / - / active
    active, failed before it began: at the end - / - / active
    provisioning, done: begun - / - / provisioning, at the end - / - / active
    provisioning, failed: begun - / - / provisioning, at the end - / - / inactive
    provisioning, cancelled: begun - / - / provisioning, at the end - / - / inactive
    provisioning, failed before it began: at the end - / - / inactive
    ");
}

#[test]
fn a_job_that_waits_for_a_person_is_still_deploying() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    put_back::need_person(&world.db, &claim, world.now(), "did the server reboot?").unwrap();
    assert_eq!(world.statuses(job.id), "in_progress / deploying / inactive");
}

#[test]
fn the_status_before_survives_every_change_of_owner() {
    let mut world = World::new().server("a").app("blog");
    let (app, now) = (world.find_app("blog"), world.now());
    world.db.write(|conn| apps::set_status(conn, now, app.id, AppStatus::Running)).unwrap();
    let job = world.deploy("blog", "h");
    for owner in 1..=3 {
        let claim = world.claim("a");
        world.done(&claim, owner, "step");
        world.put_back(&claim);
        assert_eq!(world.statuses(job.id), "in_progress / deploying / inactive");
    }
    cancel::request(&world.db, world.now(), job.id, "anna").unwrap();
    let claim = world.claim("a");
    world.finish(&claim, Ending::Cancelled);
    assert_eq!(world.statuses(job.id), "cancelled / running / inactive");
}

#[test]
fn a_job_ends_although_its_app_is_gone() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    world.db.write(|conn| apps::delete(conn, job.app_id.unwrap())).unwrap();
    world.end_step(&claim, 1, StepState::Failed, None);
    world.fail(&claim, Some(false));
    assert_eq!(world.statuses(job.id), "- / - / inactive");
}
