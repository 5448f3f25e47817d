//! Following by numbers, and forgetting what is old.

use crate::world::World;
use infrakt::domain::job::JobState;
use infrakt::queue::finish::Ending;
use infrakt::queue::follow::{Events, event_cursor, events_after, log_after};
use infrakt::queue::prune::{Keep, Pruned, prune};
use infrakt::queue::{QueueError, cancel, record};
use infrakt::store::{deployments, jobs};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A job's life in events: kind and what changed.
fn told(world: &World, after: i64) -> Vec<String> {
    let Events::Next(events) = world.db.read(|conn| events_after(conn, after, 1000)).unwrap() else {
        panic!("the cursor is too old");
    };
    events
        .into_iter()
        .map(|event| {
            let data: serde_json::Value = serde_json::from_str(&event.data).unwrap();
            let word = |key: &str| data[key].as_str().map(|w| format!(" {w}")).unwrap_or_default();
            let range = data["seq_from"].as_i64().map(|from| format!(" {from}-{}", data["seq_to"])).unwrap_or_default();
            format!("{}{}{}{}{range}", event.kind, word("name"), word("state"), word("status"))
        })
        .collect()
}

#[test]
fn every_change_is_told_once_and_in_order() {
    let mut world = World::new().server("a").app("blog");
    let cursor = world.db.read(event_cursor).unwrap();
    world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    let part = record::LogPart { seq: 1, run: 1, from: 0, to: 2, bytes: b"hi" };
    record::append_log(&world.db, &claim, world.now(), &part).unwrap();
    world.end_step(&claim, 1, infrakt::domain::step::StepState::Succeeded, None);
    cancel::request(&world.db, world.now(), 1, "anna").unwrap();
    world.finish(&claim, Ending::Cancelled);
    assert_eq!(
        told(&world, cursor),
        [
            "job queued",
            "job running",
            "app deploying",
            "job running",
            "step fetch started",
            "log 1-1",
            "step fetch succeeded",
            "job cancelling",
            "app stopped",
            "deployment cancelled",
            "job cancelled",
        ]
    );
    let end = world.db.read(event_cursor).unwrap();
    assert!(told(&world, end).is_empty());
}

#[test]
fn a_follower_reads_each_chunk_once_however_often_it_comes_back() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let claim = world.claim("a");
    for n in 1..=10 {
        record::note(&world.db, &claim, world.now(), &format!("line {n}")).unwrap();
    }
    let (mut after, mut text) = (0, String::new());
    loop {
        let some = world.db.read(|conn| log_after(conn, 1, after, 3)).unwrap();
        let Some(last) = some.last() else { break };
        after = last.seq;
        text.extend(some.iter().map(|chunk| String::from_utf8(chunk.bytes.clone()).unwrap()));
    }
    assert_eq!(text, (1..=10).map(|n| format!("line {n}\n")).collect::<String>());
    assert!(matches!(world.db.read(|conn| log_after(conn, 99, 0, 3)), Err(QueueError::NoJob(99))));
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_cursor_that_is_too_old_or_was_never_given_out_is_reset() {
    let world = World::new().server("a");
    world.provision("a");
    world.clock.advance(8 * DAY_MS);
    cancel::request(&world.db, world.now(), 1, "anna").unwrap();
    assert_eq!(prune(&world.db, world.now(), &Keep::default()).unwrap(), Pruned { jobs: 0, events: 1, answers: 0 });
    let ask = |cursor| world.db.read(|conn| events_after(conn, cursor, 10)).unwrap();
    assert_eq!(ask(0), Events::Reset { cursor: 2 });
    assert!(matches!(ask(1), Events::Next(events) if events.len() == 1));
    assert_eq!(ask(3), Events::Reset { cursor: 2 });
    world.clock.advance(8 * DAY_MS);
    prune(&world.db, world.now(), &Keep::default()).unwrap();
    assert_eq!(ask(1), Events::Reset { cursor: 2 }, "with every row gone the numbers are remembered");
    assert_eq!(ask(2), Events::Next(vec![]));
}

#[test]
fn finished_jobs_go_by_age_and_count_and_living_ones_stay() {
    let mut world = World::new().server("a").app("blog").app("shop");
    let waiting = world.deploy("shop", "h");
    for n in 0..10 {
        world.deploy("blog", &format!("h{n}"));
        // The shop's job waits at the head of the lane; the blog's is cancelled unbegun.
        let newest =
            world.db.read(|conn| jobs::list(conn, &Default::default(), infrakt::store::Page::first(1))).unwrap();
        cancel::request(&world.db, world.now(), newest[0].id, "anna").unwrap();
        world.clock.advance(DAY_MS);
    }
    let ids = |world: &World| -> Vec<i64> {
        let all = world.db.read(|conn| jobs::list(conn, &Default::default(), infrakt::store::Page::all())).unwrap();
        all.into_iter().rev().map(|job| job.id).collect()
    };
    let by_age = Keep { job_age_ms: 7 * DAY_MS, ..Keep::default() };
    assert_eq!(prune(&world.db, world.now(), &by_age).unwrap().jobs, 3);
    assert_eq!(ids(&world), [1, 5, 6, 7, 8, 9, 10, 11]);
    let by_count = Keep { jobs: 2, ..Keep::default() };
    assert_eq!(prune(&world.db, world.now(), &by_count).unwrap().jobs, 5);
    assert_eq!(ids(&world), [1, 10, 11]);
    assert_eq!(prune(&world.db, world.now(), &by_count).unwrap().jobs, 0);
    let claim = world.claim("a");
    assert_eq!(claim.id(), waiting.id);
    world.finish(&claim, Ending::Succeeded);
    let next = world.deploy("blog", "h");
    assert_eq!((next.id, next.state), (12, JobState::Queued), "an id is never used twice");
}

#[test]
fn a_deployment_keeps_the_end_of_its_log_when_its_job_is_forgotten() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    record::note(&world.db, &claim, world.now(), "the last words").unwrap();
    world.finish(&claim, Ending::Succeeded);
    prune(&world.db, world.now(), &Keep { job_age_ms: -1, ..Keep::default() }).unwrap();
    assert!(world.db.read(|conn| jobs::find(conn, job.id)).unwrap().is_none());
    let deployment = world.db.read(|conn| deployments::find(conn, job.deployment_id.unwrap())).unwrap().unwrap();
    assert_eq!(deployment.log.as_deref(), Some("the last words\n"));
}
