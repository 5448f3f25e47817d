//! The feed: followers of events and logs, however many, however slow, from wherever they come.

use crate::world::World;
use infrakt::clock::TestClock;
use infrakt::config::Home;
use infrakt::domain::job::JobState;
use infrakt::queue::finish::Ending;
use infrakt::queue::prune::{Keep, prune};
use infrakt::queue::{Claim, cancel, record};
use infrakt::service::feed::events::{self, Filter};
use infrakt::service::feed::log;
use infrakt::service::feed::{Feed, events::Follower};
use infrakt::service::{Service, ServiceError};
use infrakt::ssh::Ssh;
use std::sync::Arc;
use std::time::Duration;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long one is let look for what is not there yet.
const A_LOOK: Duration = Duration::from_millis(20);

/// Runs `work` with a feed of the world's home.
fn with_feed<T>(world: &World, work: impl AsyncFnOnce(Feed, Service) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let clock = Arc::new(TestClock::at(world.now()));
    let service = Service::open(Home::at(world.dir()), clock, Ssh::start(), None).unwrap();
    runtime.block_on(async {
        let feed = Feed::start(service.clone()).await.unwrap();
        tokio::time::timeout(PATIENCE, work(feed, service)).await.expect("something that must come did not")
    })
}

fn line(world: &World, claim: &Claim, n: usize) {
    record::note(&world.db, claim, world.now(), &format!("line {n}")).unwrap();
}

fn lines(upto: usize) -> String {
    (1..=upto).map(|n| format!("line {n}\n")).collect()
}

async fn read_log(mut follower: log::Follower) -> (String, JobState) {
    let (mut text, mut last) = (String::new(), 0);
    loop {
        match follower.next().await.unwrap() {
            log::Told::Chunk(item) => {
                assert_eq!(item.value.seq, last + 1, "dense, in order");
                last = item.value.seq;
                text.push_str(std::str::from_utf8(&item.value.bytes).unwrap());
            }
            log::Told::Ended(state) => return (text, state),
            other => panic!("{other:?}"),
        }
    }
}

/// Ids of the next `count` events.
async fn ids(follower: &mut Follower, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    while ids.len() < count {
        match follower.next().await.unwrap() {
            events::Told::Event(item) => ids.push(item.value.id),
            other => panic!("{other:?}"),
        }
    }
    ids
}

#[test]
fn many_followers_of_a_log_get_each_line_once_from_wherever_they_come() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h").id;
    let claim = world.claim("a");
    for n in 1..=150 {
        line(&world, &claim, n);
    }
    with_feed(&world, async |feed, _| {
        let mut readers = Vec::new();
        for n in 0..200 {
            if n % 10 == 0 {
                line(&world, &claim, 151 + n / 10);
            }
            readers.push(tokio::spawn(read_log(feed.follow_log(job, 0).await.unwrap())));
        }
        for n in 171..=300 {
            line(&world, &claim, n);
            tokio::task::yield_now().await;
        }
        world.finish(&claim, Ending::Succeeded);
        for reader in readers {
            assert_eq!(reader.await.unwrap(), (lines(300), JobState::Succeeded));
        }
        let late = feed.follow_log(job, 0).await.unwrap();
        assert_eq!(read_log(late).await, (lines(300), JobState::Succeeded));
        assert!(matches!(feed.follow_log(99, 0).await, Err(ServiceError::NoJob { id: 99 })));
    });
}

#[test]
fn an_older_cursor_joins_the_head_without_gap_or_double() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let claim = world.claim("a");
    for n in 0..700 {
        line(&world, &claim, n);
    }
    with_feed(&world, async |feed, _| {
        let head = feed.head();
        let mut old = feed.follow(Some(0), Filter::default());
        let mut new = feed.follow(None, Filter::default());
        let mut seen = ids(&mut old, 300).await;
        for n in 0..300 {
            line(&world, &claim, n);
        }
        assert_eq!(ids(&mut new, 300).await, (head + 1..=head + 300).collect::<Vec<_>>());
        seen.extend(ids(&mut old, head as usize).await);
        for n in 0..50 {
            line(&world, &claim, n);
        }
        seen.extend(ids(&mut old, 50).await);
        assert_eq!(seen, (1..=head + 350).collect::<Vec<_>>());
    });
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn events_are_told_by_server_app_and_job_and_carry_names() {
    let world = World::new().server("b").app("shop").server("a").app("blog");
    with_feed(&world, async |feed, service| {
        let filter = service.event_filter(Some("a"), None, None).unwrap();
        let mut of_a = feed.follow(Some(0), filter);
        world.deploy("shop", "h");
        world.deploy("blog", "h");
        let events::Told::Event(first) = of_a.next().await.unwrap() else { panic!("no event") };
        let names = (first.value.server_name.as_deref(), first.value.app_name.as_deref());
        assert_eq!((first.value.kind.as_str(), names), ("job", (Some("a"), Some("blog"))));
        assert!(matches!(service.event_filter(Some("z"), None, None), Err(ServiceError::NoServer { .. })));
        assert!(matches!(service.event_filter(None, None, Some(99)), Err(ServiceError::NoJob { .. })));
    });
}

#[test]
fn who_is_too_slow_is_told_and_comes_back_with_its_cursor() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h").id;
    let claim = world.claim("a");
    with_feed(&world, async |feed, _| {
        let mut slow = feed.follow(None, Filter::default());
        let mut witness = feed.follow(None, Filter::default());
        let mut log = feed.follow_log(job, 0).await.unwrap();
        line(&world, &claim, 1);
        let first = ids(&mut slow, 1).await[0];
        assert_eq!(ids(&mut witness, 1).await, [first]);
        assert!(matches!(log.next().await.unwrap(), log::Told::Chunk(_)));
        // Joins the head: only then it can be left behind.
        for follower in [&mut slow, &mut witness] {
            while !follower.is_at_head() {
                assert!(tokio::time::timeout(A_LOOK, follower.next()).await.is_err(), "nothing has happened");
            }
        }
        while !log.is_at_head() {
            assert!(tokio::time::timeout(A_LOOK, log.next()).await.is_err(), "nothing has happened");
        }
        // In one transaction: five thousand commits would take the disk's time.
        world
            .db
            .write(|conn| {
                let subject = infrakt::store::events::Subject { job_id: Some(job), ..Default::default() };
                for _ in 0..5000 {
                    infrakt::store::events::insert(conn, 1, "server", subject, &serde_json::json!({}))?;
                }
                Ok::<_, infrakt::store::StoreError>(())
            })
            .unwrap();
        while !matches!(witness.next().await.unwrap(), events::Told::Event(e) if e.value.id == first + 5000) {}
        for n in 2..=400 {
            line(&world, &claim, n);
        }
        while feed.head() < first + 5399 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(slow.next().await.unwrap(), events::Told::Lagged));
        assert!(matches!(log.next().await.unwrap(), log::Told::Lagged));
        let mut again = feed.follow(Some(slow.cursor()), Filter::default());
        assert_eq!(ids(&mut again, 5399).await, (first + 1..=first + 5399).collect::<Vec<_>>());
    });
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_cursor_that_is_gone_is_reset_and_goes_on() {
    let world = World::new().server("a");
    world.provision("a");
    prune(&world.db, world.now(), &Keep { events: 0, ..Keep::default() }).unwrap();
    with_feed(&world, async |feed, _| {
        let mut old = feed.follow(Some(0), Filter::default());
        assert!(matches!(old.next().await.unwrap(), events::Told::Reset { cursor: 1 }));
        cancel::request(&world.db, world.now(), 1, "anna").unwrap();
        assert_eq!(ids(&mut old, 1).await, [2]);
    });
}

#[test]
fn the_end_of_the_process_is_told_to_all() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h").id;
    let claim = world.claim("a");
    with_feed(&world, async |feed, _| {
        let mut follower = feed.follow(None, Filter::default());
        let mut log = feed.follow_log(job, 0).await.unwrap();
        feed.close();
        feed.closed().await;
        assert!(matches!(follower.next().await.unwrap(), events::Told::Closing));
        assert!(matches!(log.next().await.unwrap(), log::Told::Closing));
    });
    world.finish(&claim, Ending::Succeeded);
}
