//! Why a job waits, as people are told.

use crate::world::World;
use infrakt::domain::job::JobState;
use infrakt::domain::server::HostKey;
use infrakt::queue::answer::{PauseReason, bump};
use infrakt::queue::finish::Ending;
use infrakt::queue::put_back::{PutBack, need_person, put_back, put_back_and_pause};
use infrakt::queue::view::{self, Waiting};
use infrakt::store::Page;
use infrakt::store::jobs::Filter;

fn waiting(world: &World, id: i64) -> Option<Waiting> {
    let now = world.now();
    world.db.read(|conn| view::find(conn, now, id, true)).unwrap().unwrap().waiting
}

#[test]
fn a_job_says_what_it_waits_for() {
    let mut world = World::new().server("a").app("blog").app("shop");
    world.deploy("blog", "h");
    world.deploy("shop", "h");
    assert_eq!(waiting(&world, 1), Some(Waiting::Due { begun: false }));
    let behind = |state, running_since| {
        Some(Waiting::Behind { job: 1, title: "deploy blog".to_owned(), state, running_since, usual_ms: None })
    };
    assert_eq!(waiting(&world, 2), behind(JobState::Queued, None));

    let claim = world.claim("a");
    assert_eq!(waiting(&world, 1), None);
    world.begin(&claim, 1, "fetch");
    assert_eq!(waiting(&world, 2), behind(JobState::Running, Some(world.now())));

    let (began, at) = (world.now(), world.now() + 5000);
    let back = PutBack { run_at: at, reason: Some("the registry does not answer".to_owned()), counts: true };
    put_back(&world.db, &claim, world.now(), &back).unwrap();
    assert_eq!(waiting(&world, 1), Some(Waiting::Retry { at, reason: "the registry does not answer".to_owned() }));
    assert_eq!(waiting(&world, 2), behind(JobState::Queued, Some(began)), "it holds the lane");
    world.clock.advance(5000);
    assert_eq!(waiting(&world, 1), Some(Waiting::Due { begun: true }));

    let claim = world.claim("a");
    need_person(&world.db, &claim, world.now(), "is it done?").unwrap();
    assert_eq!(waiting(&world, 1), Some(Waiting::Person { question: "is it done?".to_owned() }));
    assert_eq!(waiting(&world, 2).unwrap().text(), "waiting behind job 1 (deploy blog)");
}

#[test]
fn a_job_in_front_says_how_long_such_jobs_took_lately() {
    let mut world = World::new().server("a").app("blog").app("shop");
    for took in [9000, 1000, 2000] {
        world.deploy("blog", "h");
        let claim = world.claim("a");
        world.begin(&claim, 1, "fetch");
        world.clock.advance(took);
        world.finish(&claim, Ending::Succeeded);
    }
    world.deploy("shop", "h");
    let claim = world.claim("a");
    world.finish(&claim, Ending::Succeeded);
    world.deploy("blog", "other");
    let claim = world.claim("a");
    world.deploy("shop", "other");
    let Some(Waiting::Behind { usual_ms, .. }) = waiting(&world, 6) else { panic!("{:?}", waiting(&world, 6)) };
    assert_eq!(usual_ms, Some(2000), "the median of its own app's");
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_paused_lane_says_both_keys() {
    let mut world = World::new().server("a");
    world.provision("a");
    let claim = world.claim("a");
    let key = |name: &str| HostKey { key_type: "ssh-ed25519".to_owned(), fingerprint: format!("SHA256:{name}") };
    let reason = PauseReason::HostKey { pinned: key("old"), seen: key("new") };
    put_back_and_pause(&world.db, &claim, world.now(), &reason).unwrap();
    let why = waiting(&world, 1).unwrap();
    assert_eq!((why.why(), why.job_id(), why.until()), ("paused", None, None));
    assert_eq!(
        why.text(),
        "the lane is paused: the server's host key changed: pinned is SHA256:old (ssh-ed25519), it shows SHA256:new (ssh-ed25519)"
    );
}

#[test]
fn without_a_process_nothing_is_about_to_start() {
    let world = World::new().server("a");
    world.provision("a");
    let view = world.db.read(|conn| view::find(conn, world.now(), 1, false)).unwrap().unwrap();
    assert_eq!(view.waiting, Some(Waiting::NoProcess));
}

#[test]
fn a_bumped_job_is_due_and_the_others_wait_behind_it() {
    let world = World::new().server("a").app("blog").app("shop");
    world.deploy("blog", "h");
    world.deploy("shop", "h");
    bump(&world.db, world.now(), 2).unwrap();
    assert_eq!(waiting(&world, 2), Some(Waiting::Due { begun: false }));
    assert_eq!(waiting(&world, 1).unwrap().job_id(), Some(2));
}

#[test]
fn a_list_has_the_newest_first_and_goes_on_behind_a_cursor() {
    let mut world = World::new().server("a").app("blog").server("b");
    world.deploy("blog", "h");
    world.provision("b");
    let claim = world.claim("b");
    world.finish(&claim, Ending::Succeeded);
    world.provision("b");
    let ids = |filter: Filter, page: Page| -> Vec<i64> {
        let now = world.now();
        let all = world.db.read(|conn| view::list(conn, now, &filter, page, true)).unwrap();
        all.into_iter().map(|view| view.job.id).collect()
    };
    assert_eq!(ids(Filter::default(), Page::first(2)), [3, 2]);
    assert_eq!(ids(Filter::default(), Page::after(2, 2)), [1]);
    assert_eq!(ids(Filter { alive: true, ..Filter::default() }, Page::all()), [3, 1]);
    assert_eq!(ids(Filter { state: Some(JobState::Succeeded), ..Filter::default() }, Page::all()), [2]);
    assert_eq!(ids(Filter { server_id: Some(world.find_server("b").id), ..Filter::default() }, Page::all()), [3, 2]);
    assert_eq!(ids(Filter { app_id: Some(1), ..Filter::default() }, Page::all()), [1]);
}
