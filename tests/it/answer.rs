//! What a person says: an answer, a turn, a rest.

use crate::world::World;
use infrakt::domain::failure::Failure;
use infrakt::domain::job::{JobState, Resolution};
use infrakt::domain::server::HostKey;
use infrakt::domain::step::StepState;
use infrakt::queue::answer::{PauseReason, bump, pause_lane, resolve, resume_lane};
use infrakt::queue::finish::Ending;
use infrakt::queue::put_back::{need_person, put_back_and_pause};
use infrakt::queue::{QueueError, record};
use infrakt::store::{lanes, servers};

#[test]
fn an_answer_reaches_the_next_owner_and_is_gone_once_acted_on() {
    for (answer, act) in [(Resolution::Done, "end"), (Resolution::Rerun, "begin"), (Resolution::Fail, "fail")] {
        let mut world = World::new().server("a").app("blog");
        let job = world.deploy("blog", "h");
        let claim = world.claim("a");
        world.begin(&claim, 1, "fetch");
        let asked = need_person(&world.db, &claim, world.now(), "the server was rebooted: is it done?").unwrap();
        assert_eq!((asked.state, asked.worker, asked.lease_until), (JobState::Attention, None, None));
        assert_eq!(
            world.queue(),
            "1 deploy blog on a: attention (the server was rebooted: is it done?)\nlane a: epoch 1, runs -, held by 1\n"
        );
        let answered = resolve(&world.db, world.now(), job.id, answer, "anna").unwrap();
        assert_eq!((answered.state, answered.resolution, answered.wait_reason), (JobState::Queued, Some(answer), None));
        let claim = world.claim("a");
        assert_eq!(claim.job().resolution, Some(answer));
        match act {
            "end" => drop(world.end_step(&claim, 1, StepState::Succeeded, None)),
            "begin" => drop(world.try_begin(&claim, 1, 2, "fetch").unwrap()),
            _ => record::set_failure(&world.db, &claim, &Failure::permanent("x", "given up by anna")).unwrap(),
        }
        assert_eq!(record::reload(&world.db, &claim).unwrap().resolution, None, "{answer}");
        world.fail(&claim, None);
    }
}

#[test]
fn a_job_that_asks_nothing_takes_no_answer() {
    let world = World::new().server("a");
    let job = world.provision("a");
    let error = resolve(&world.db, world.now(), job.id, Resolution::Done, "anna").unwrap_err();
    assert_eq!(error.to_string(), "job 1 is queued: it waits for no answer");
}

#[test]
fn a_job_that_asks_before_its_first_step_holds_its_lane_too() {
    let mut world = World::new().server("a").app("blog").app("shop");
    world.deploy("blog", "h");
    world.deploy("shop", "h");
    let claim = world.claim("a");
    need_person(&world.db, &claim, world.now(), "well?").unwrap();
    assert!(world.try_claim("a").is_none());
    resolve(&world.db, world.now(), 1, Resolution::Fail, "anna").unwrap();
    let claim = world.claim("a");
    assert_eq!(claim.id(), 1);
    world.fail(&claim, None);
    let next = world.claim("a");
    assert_eq!(next.id(), 2);
    world.put_back(&next);
}

#[test]
fn a_bumped_job_goes_before_all_that_wait() {
    let mut world = World::new().server("a").app("one").app("two").app("three").app("four");
    for app in ["one", "two", "three", "four"] {
        world.deploy(app, "h");
    }
    let running = world.claim("a");
    world.begin(&running, 1, "fetch");
    bump(&world.db, world.now(), 3).unwrap();
    bump(&world.db, world.now(), 4).unwrap();
    assert!(matches!(bump(&world.db, world.now(), 1), Err(QueueError::HasBegun { job: 1 })));
    world.finish(&running, Ending::Succeeded);
    let mut order = Vec::new();
    while let Some(claim) = world.try_claim("a") {
        order.push(claim.id());
        world.finish(&claim, Ending::Succeeded);
    }
    assert_eq!(order, [4, 3, 2]);
    assert!(matches!(bump(&world.db, world.now(), 2), Err(QueueError::NotWaiting { job: 2, state: "succeeded" })));
}

#[test]
fn a_bump_does_not_overtake_a_job_that_has_begun() {
    let mut world = World::new().server("a").app("one").app("two");
    world.deploy("one", "h");
    world.deploy("two", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    world.put_back(&claim);
    bump(&world.db, world.now(), 2).unwrap();
    let claim = world.claim("a");
    assert_eq!(claim.id(), 1);
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_changed_host_key_pauses_the_lane_until_somebody_trusts_it() {
    let mut world = World::new().server("a");
    world.provision("a");
    let claim = world.claim("a");
    let key = |name: &str| HostKey { key_type: "ssh-ed25519".to_owned(), fingerprint: format!("SHA256:{name}") };
    let reason = PauseReason::HostKey { pinned: key("old"), seen: key("new") };
    put_back_and_pause(&world.db, &claim, world.now(), &reason).unwrap();
    assert!(world.try_claim("a").is_none());
    assert_eq!(world.queue(), "1 provision a on a: queued\nlane a: epoch 1, runs -, held by -, paused\n");
    let lane = world.db.read(|conn| lanes::find(conn, &world.lane("a"))).unwrap().unwrap();
    assert_eq!(PauseReason::parse(lane.pause_reason.as_deref().unwrap()), Some(reason));

    let (server, now) = (world.find_server("a"), world.now());
    world
        .db
        .write(|conn| {
            servers::set_host_key(conn, server.id, Some(&key("new")))?;
            assert!(resume_lane(conn, now, &lane.id, Some(server.id))?);
            Ok::<_, QueueError>(())
        })
        .unwrap();
    let claim = world.claim("a");
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_lane_can_rest_before_it_has_had_a_job() {
    let mut world = World::new().server("a");
    let (lane, now) = (world.lane("a"), world.now());
    let reason = PauseReason::ByHand { by: "anna".to_owned() };
    world.db.write(|conn| pause_lane(conn, now, &lane, None, &reason)).unwrap();
    world.provision("a");
    assert!(world.try_claim("a").is_none());
    assert!(world.db.write(|conn| resume_lane(conn, now, &lane, None)).unwrap());
    assert!(!world.db.write(|conn| resume_lane(conn, now, &lane, None)).unwrap());
    let claim = world.claim("a");
    world.finish(&claim, Ending::Succeeded);
}
