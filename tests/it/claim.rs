//! Who gets a lane, and when.

use crate::world::World;
use infrakt::queue::claim::{lanes_with_work, next_due};
use infrakt::queue::finish::Ending;
use infrakt::queue::put_back::{PutBack, put_back};
use infrakt::queue::{LEASE_MS, QueueError, record};
use infrakt::store::attempts;

#[test]
fn the_oldest_goes_first_and_one_at_a_time() {
    let mut world = World::new().server("a").app("blog").app("shop");
    world.deploy("blog", "h");
    world.deploy("shop", "h");
    let first = world.claim("a");
    assert_eq!((first.id(), first.fence()), (1, 1));
    assert!(world.try_claim("a").is_none(), "the lane is taken");
    world.finish(&first, Ending::Succeeded);
    let second = world.claim("a");
    assert_eq!((second.id(), second.fence()), (2, 2));
    world.finish(&second, Ending::Succeeded);
    assert!(world.try_claim("a").is_none());
}

#[test]
fn lanes_do_not_wait_for_each_other() {
    let mut world = World::new().server("a").server("b");
    world.provision("a");
    world.provision("b");
    let (on_a, on_b) = (world.claim("a"), world.claim("b"));
    assert_eq!((on_a.id(), on_b.id()), (1, 2));
    world.finish(&on_a, Ending::Succeeded);
    world.finish(&on_b, Ending::Succeeded);
}

#[test]
fn a_job_that_has_begun_keeps_its_lane_while_it_backs_off() {
    let mut world = World::new().server("a").app("blog").app("shop");
    world.deploy("blog", "h");
    world.deploy("shop", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    let later = world.now() + 5000;
    let back = PutBack { run_at: later, reason: Some("the disk is full".to_owned()), counts: true };
    put_back(&world.db, &claim, world.now(), &back).unwrap();
    assert!(world.try_claim("a").is_none(), "nobody overtakes it");
    assert!(lanes_with_work(&world.db, world.now()).unwrap().is_empty());
    assert_eq!(next_due(&world.db, world.now()).unwrap(), Some(later));

    world.clock.advance(5000);
    assert_eq!(lanes_with_work(&world.db, world.now()).unwrap(), [world.lane("a")]);
    let claim = world.claim("a");
    assert_eq!((claim.id(), claim.fence(), claim.job().attempt), (1, 2, 1));
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn every_claim_raises_the_epoch_and_leaves_a_record() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    for fence in 1..=3 {
        let claim = world.claim("a");
        assert_eq!(claim.fence(), fence);
        world.put_back(&claim);
    }
    let claim = world.claim("a");
    world.finish(&claim, Ending::Succeeded);
    let attempts = world.db.read(|conn| attempts::of_job(conn, job.id)).unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|a| (a.fence, a.outcome.as_deref().unwrap_or("-"))).collect();
    assert_eq!(outcomes, [(1, "put_back"), (2, "put_back"), (3, "put_back"), (4, "succeeded")]);
}

#[test]
fn a_renewal_holds_the_claim_and_tells_of_a_cancel() {
    let mut world = World::new().server("a");
    let job = world.provision("a");
    let claim = world.claim("a");
    assert_eq!(claim.job().lease_until, Some(world.now() + LEASE_MS));
    world.clock.advance(15_000);
    let renewed = record::renew(&world.db, &claim, world.now(), LEASE_MS).unwrap();
    assert_eq!((renewed.lease_until, renewed.cancel_at), (Some(world.now() + LEASE_MS), None));
    infrakt::queue::cancel::request(&world.db, world.now(), job.id, "anna").unwrap();
    assert!(record::renew(&world.db, &claim, world.now(), LEASE_MS).unwrap().cancel_at.is_some());
    world.finish(&claim, Ending::Cancelled);
    assert!(matches!(record::renew(&world.db, &claim, world.now(), LEASE_MS), Err(QueueError::Fenced { job: 1 })));
}

#[test]
fn the_watcher_sees_only_lanes_whose_work_may_begin() {
    let mut world = World::new().server("a").server("b").server("c").server("d");
    for server in ["a", "b", "c", "d"] {
        world.provision(server);
    }
    let running = world.claim("b");
    let paused = world.lane("c");
    let reason = infrakt::queue::answer::PauseReason::ByHand { by: "anna".to_owned() };
    let now = world.now();
    world.db.write(|conn| infrakt::queue::answer::pause_lane(conn, now, &paused, None, &reason)).unwrap();
    assert_eq!(lanes_with_work(&world.db, world.now()).unwrap(), [world.lane("a"), world.lane("d")]);
    assert_eq!(next_due(&world.db, world.now()).unwrap(), None);
    world.finish(&running, Ending::Succeeded);
}
