//! Wake-ups: here, in another process's place, and where no datagram comes.

use crate::world::World;
use infrakt::queue::wake::Bell;
use infrakt::store::Db;
use std::future::Future;
use std::time::Duration;

/// Long enough that only a lost wake-up runs into it.
const LIMIT: Duration = Duration::from_secs(60);

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

#[test]
fn who_listens_before_looking_misses_nothing() {
    let world = World::new();
    run(async {
        let bell = Bell::hang(&world.run_dir()).unwrap();
        let mut listener = bell.listen();
        bell.ring();
        bell.ring();
        assert!(listener.heard_within(LIMIT).await, "it rang between listening and waiting");
        assert!(!listener.heard_within(Duration::ZERO).await, "and was heard once");
        let mut late = bell.listen();
        assert!(!late.heard_within(Duration::ZERO).await);
    });
}

#[test]
fn a_ring_reaches_the_bells_of_others() {
    let world = World::new();
    run(async {
        let own = Bell::hang(&world.run_dir()).unwrap();
        let other = Bell::hang(&world.run_dir()).unwrap();
        let carrier = tokio::spawn({
            let (other, db) = (other.clone(), Db::open(world.db.path()).unwrap());
            async move { other.carry(db).await }
        });
        let mut listener = other.listen();
        // The first look at the data version is a ring too.
        assert!(listener.heard_within(LIMIT).await);
        own.ring();
        assert!(listener.heard_within(LIMIT).await);
        carrier.abort();
        let _ = carrier.await;
    });
}

#[test]
fn a_change_is_seen_where_no_datagram_came() {
    let world = World::new().server("a");
    run(async {
        let bell = Bell::hang(&world.run_dir()).unwrap();
        let carrier = tokio::spawn({
            let (bell, db) = (bell.clone(), Db::open(world.db.path()).unwrap());
            async move { bell.carry(db).await }
        });
        let mut listener = bell.listen();
        assert!(listener.heard_within(LIMIT).await);
        world.provision("a");
        assert!(listener.heard_within(LIMIT).await);
        carrier.abort();
        let _ = carrier.await;
    });
}

#[test]
fn a_socket_left_by_a_dead_process_is_removed() {
    let world = World::new();
    let bell = Bell::hang(&world.run_dir()).unwrap();
    let path = world.run_dir().join("0badf00d.s");
    drop(std::os::unix::net::UnixDatagram::bind(&path).unwrap());
    assert!(path.exists());
    bell.ring();
    assert!(!path.exists());
}

#[test]
fn a_path_too_long_for_a_socket_leaves_the_net() {
    let world = World::new().server("a");
    let deep = world.dir().join("x".repeat(120));
    std::fs::create_dir(&deep).unwrap();
    run(async {
        let bell = Bell::hang(&deep).unwrap();
        assert_eq!(std::fs::read_dir(&deep).unwrap().count(), 0);
        let mut listener = bell.listen();
        bell.ring();
        assert!(listener.heard_within(LIMIT).await);
    });
}

#[test]
fn a_log_that_grows_wakes_who_follows_and_nobody_who_looks_for_work() {
    let world = World::new();
    run(async {
        let (own, other) = (Bell::hang(&world.run_dir()).unwrap(), Bell::hang(&world.run_dir()).unwrap());
        let carrier = tokio::spawn({
            let (other, db) = (other.clone(), Db::open(world.db.path()).unwrap());
            async move { other.carry(db).await }
        });
        let (mut follower, mut worker) = (other.listen(), other.listen_for_work());
        // The first look at the data version is a ring for both.
        assert!(follower.heard_within(LIMIT).await && worker.heard_within(LIMIT).await);
        let mut here = (own.listen(), own.listen_for_work());
        own.ring_for_log();
        assert!(follower.heard_within(LIMIT).await, "in another process");
        assert!(here.0.heard_within(LIMIT).await, "in its own");
        assert!(!worker.heard_within(Duration::ZERO).await && !here.1.heard_within(Duration::ZERO).await);
        own.ring();
        assert!(worker.heard_within(LIMIT).await && here.1.heard_within(LIMIT).await);
        carrier.abort();
        let _ = carrier.await;
    });
}
