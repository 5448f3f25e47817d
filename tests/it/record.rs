//! What an owner writes: intents before actions, results after them, a log without gap or double.

use crate::world::{SHA, World};
use infrakt::domain::failure::Failure;
use infrakt::domain::job::JobState;
use infrakt::domain::plan::{StoredPlan, StoredStep, UNDO_SEQ};
use infrakt::domain::step::{OnLost, StepState};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::record::{self, LogPart};
use infrakt::queue::{Claim, LEASE_MS, QueueError, STEP_LOG_KEPT, cancel, follow, view};
use infrakt::store::logs::Chunk;
use infrakt::store::{deployments, servers};

fn append(world: &World, claim: &Claim, from: i64, to: i64, bytes: &[u8]) -> Result<Option<i64>, QueueError> {
    record::append_log(&world.db, claim, world.now(), &LogPart { seq: 1, run: 1, from, to, bytes })
}

fn log(world: &World, job: i64) -> Vec<Chunk> {
    world.db.read(|conn| follow::log_after(conn, job, 0, i64::MAX)).unwrap()
}

#[test]
fn the_first_intent_takes_the_lane_and_renews_the_lease() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    world.clock.advance(30_000);
    let step = world.begin(&claim, 1, "fetch");
    assert_eq!(step.remote_id, format!("{}-1-1", job.uid));
    assert_eq!((step.state, step.fence, step.log_off), (StepState::Started, 1, 0));
    let now = record::reload(&world.db, &claim).unwrap();
    assert_eq!((now.started_at, now.lease_until), (Some(world.now()), Some(world.now() + LEASE_MS)));
    assert!(world.queue().ends_with("lane a: epoch 1, runs 1, held by 1\n"));
    world.clock.advance(1000);
    world.done(&claim, 2, "start");
    assert_eq!(record::reload(&world.db, &claim).unwrap().started_at, now.started_at, "it began once");
    world.finish(&claim, Ending::Succeeded);
    assert!(world.queue().ends_with("lane a: epoch 1, runs -, held by -\n"));
}

#[test]
fn an_intent_that_stands_becomes_the_next_owners_at_its_place_in_the_log() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let first = world.claim("a");
    world.begin(&first, 1, "fetch");
    append(&world, &first, 0, 5, b"hello").unwrap();
    world.put_back(&first);
    let second = world.claim("a");
    let step = world.begin(&second, 1, "fetch");
    assert_eq!((step.fence, step.log_off, step.state), (2, 5, StepState::Started));
    world.end_step(&second, 1, StepState::Succeeded, None);
    let again = world.try_begin(&second, 1, 1, "fetch");
    assert!(
        matches!(again, Err(QueueError::NoSuchRun { seq: 1, run: 1, .. })),
        "a run that is over is not begun again"
    );
    world.try_begin(&second, 1, 2, "fetch").unwrap();
    world.finish(&second, Ending::Succeeded);
}

#[test]
fn the_plan_is_kept_for_every_later_owner() {
    let mut world = World::new().server("a");
    world.provision("a");
    let plan = StoredPlan {
        steps: vec![StoredStep { name: "packages".to_owned(), script_sha256: SHA.to_owned(), on_lost: OnLost::Rerun }],
    };
    let claim = world.claim("a");
    record::record_plan(&world.db, &claim, 3, &plan).unwrap();
    world.put_back(&claim);
    let claim = world.claim("a");
    assert_eq!(claim.job().plan_version, Some(3));
    assert_eq!(serde_json::from_str::<StoredPlan>(claim.job().plan.as_ref().unwrap()).unwrap(), plan);
    world.put_back(&claim);
}

#[test]
fn a_result_is_written_once() {
    let mut world = World::new().server("a");
    world.provision("a");
    let claim = world.claim("a");
    world.begin(&claim, 1, "packages");
    let end = |state| record::StepEnd {
        seq: 1,
        run: 1,
        state,
        exit_code: Some(0),
        exit_reason: Some("success"),
        output: Some(r#"{"docker":"26.1"}"#),
        failure: None,
    };
    let not_an_end = record::end_step(&world.db, &claim, world.now(), &end(StepState::Started));
    assert!(matches!(not_an_end, Err(QueueError::NoSuchRun { .. })));
    let now = world.clock.advance(700);
    let step = record::end_step(&world.db, &claim, now, &end(StepState::Skipped)).unwrap();
    assert_eq!((step.state, step.finished_at, step.exit_code), (StepState::Skipped, Some(now), Some(0)));
    assert_eq!((step.exit_reason.as_deref(), step.output.as_deref()), (Some("success"), Some(r#"{"docker":"26.1"}"#)));
    let twice = record::end_step(&world.db, &claim, now, &end(StepState::Failed));
    assert!(matches!(twice, Err(QueueError::NoSuchRun { .. })));
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn a_failure_is_stored_while_the_clean_up_goes_on_and_reaches_the_next_owner() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "start");
    let failure = Failure::permanent("step_failed", "the container ended").with_hint("`infrakt app logs blog`");
    world.end_step(&claim, 1, StepState::Failed, Some(&failure));
    world.put_back(&claim);
    let claim = world.claim("a");
    assert_eq!(claim.job().failure.as_ref(), Some(&failure));
    assert_eq!(claim.job().state, JobState::Running);
    world.done(&claim, 1 + UNDO_SEQ, "undo start");
    let job = world.finish(&claim, Ending::Failed { failure: failure.clone(), serving: Some(true) });
    assert_eq!(job.failure, Some(failure));
}

#[test]
fn nothing_new_is_begun_once_a_cancel_is_asked_for_but_clean_up_is() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    cancel::request(&world.db, world.now(), job.id, "anna").unwrap();
    assert!(matches!(world.try_begin(&claim, 2, 1, "start"), Err(QueueError::Cancelling { job: 1 })));
    world.try_begin(&claim, 1, 1, "fetch").expect("the one under way can be attached to");
    world.end_step(&claim, 1, StepState::Cancelled, None);
    world.done(&claim, 1 + UNDO_SEQ, "undo fetch");
    world.finish(&claim, Ending::Cancelled);
}

#[test]
fn the_log_is_dense_and_a_part_that_does_not_follow_is_refused() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "fetch");
    assert_eq!(append(&world, &claim, 0, 5, b"hello").unwrap(), Some(1));
    let doubled = append(&world, &claim, 0, 5, b"hello").unwrap_err();
    assert!(matches!(doubled, QueueError::LogPosition { stored: 5, given: 0, .. }));
    let gap = append(&world, &claim, 9, 12, b"abc").unwrap_err();
    assert!(matches!(gap, QueueError::LogPosition { stored: 5, given: 9, .. }));
    assert_eq!(record::note(&world.db, &claim, world.now(), "reconnecting (2)").unwrap(), 2);
    assert_eq!(
        append(&world, &claim, 5, 105, b"masked: ***\n").unwrap(),
        Some(3),
        "masking changes the length, not the place"
    );
    assert_eq!(append(&world, &claim, 105, 105, b"").unwrap(), None, "nothing came, nothing is written");
    let chunks = log(&world, 1);
    let shown: Vec<_> =
        chunks.iter().map(|c| (c.seq, c.step_seq, String::from_utf8(c.bytes.clone()).unwrap())).collect();
    assert_eq!(
        shown,
        [
            (1, Some(1), "hello".to_owned()),
            (2, None, "reconnecting (2)\n".to_owned()),
            (3, Some(1), "masked: ***\n".to_owned())
        ]
    );
    let steps = world.db.read(|conn| view::steps(conn, 1)).unwrap();
    assert_eq!(steps[0].log_off, 105);
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn sixteen_mebibytes_of_a_steps_log_are_kept_and_the_rest_is_named() {
    let mut world = World::new().server("a").app("blog");
    world.deploy("blog", "h");
    let claim = world.claim("a");
    world.begin(&claim, 1, "build");
    let part = vec![b'x'; 3 * 1024 * 1024];
    let mut at = 0;
    for _ in 0..7 {
        let next = at + part.len() as i64;
        append(&world, &claim, at, next, &part).unwrap();
        at = next;
    }
    world.end_step(&claim, 1, StepState::Succeeded, None);
    let chunks = log(&world, 1);
    let kept: usize = chunks.iter().filter(|c| c.step_seq.is_some()).map(|c| c.bytes.len()).sum();
    assert_eq!(kept as i64, STEP_LOG_KEPT);
    let notes: Vec<_> = chunks
        .iter()
        .filter(|c| c.step_seq.is_none())
        .map(|c| String::from_utf8_lossy(&c.bytes).into_owned())
        .collect();
    assert_eq!(
        notes,
        [
            "the first 16 MiB of this step's log are kept, no more\n".to_owned(),
            format!("{} bytes of this step's log were not kept\n", at - STEP_LOG_KEPT)
        ]
    );
    assert_eq!(chunks.iter().map(|c| c.seq).collect::<Vec<_>>(), (1..=chunks.len() as i64).collect::<Vec<_>>());
    world.finish(&claim, Ending::Succeeded);
}

#[test]
fn an_end_writes_what_the_job_found_out() {
    let mut world = World::new().server("a").app("blog");
    let job = world.deploy("blog", "h");
    let claim = world.claim("a");
    let step = world.begin(&claim, 1, "fetch");
    let text = format!("pulling\n::infrakt {} note pulled\ndone\n", step.remote_id);
    append(&world, &claim, 0, text.len() as i64, text.as_bytes()).unwrap();
    world.end_step(&claim, 1, StepState::Succeeded, None);
    let effects = Effects {
        commit_hash: Some("3f2c1a".to_owned()),
        commit_subject: Some("a fix".to_owned()),
        images: Some(r#"{"web":"sha256:1"}"#.to_owned()),
        server_facts: Some(r#"{"docker":"26.1"}"#.to_owned()),
        runs: None,
        volume: None,
        result: Some(r#"{"url":"https://example.com"}"#.to_owned()),
        ..Effects::default()
    };
    let now = world.clock.advance(1500);
    let ended = finish(&world.db, &claim, now, &Ending::Succeeded, &effects).unwrap();
    assert_eq!((ended.state, ended.finished_at, ended.result), (JobState::Succeeded, Some(now), effects.result));
    let deployment_id = job.deployment_id.unwrap();
    let deployment = world.db.read(|conn| deployments::find(conn, deployment_id)).unwrap().unwrap();
    assert_eq!(deployment.commit_hash.as_deref(), Some("3f2c1a"));
    assert_eq!(
        (deployment.commit_subject.as_deref(), deployment.images.as_deref()),
        (Some("a fix"), Some(r#"{"web":"sha256:1"}"#))
    );
    assert_eq!(deployment.log.as_deref(), Some("pulling\ndone\n"), "lines for the engine are left out");
    assert_eq!(deployment.finished_at, Some(now));
    assert_eq!(world.find_app("blog").current_deployment_id, Some(deployment_id));
    let server = world.db.read(|conn| servers::find(conn, job.server_id.unwrap())).unwrap().unwrap();
    assert_eq!(server.facts, effects.server_facts);
}

#[test]
fn no_run_stays_open_when_its_job_has_ended() {
    for (ending, expect) in [
        (Ending::Cancelled, StepState::Cancelled),
        (Ending::Failed { failure: Failure::permanent("x", "y"), serving: None }, StepState::Failed),
    ] {
        let mut world = World::new().server("a");
        world.provision("a");
        let claim = world.claim("a");
        world.begin(&claim, 1, "packages");
        world.finish(&claim, ending);
        assert_eq!(world.db.read(|conn| view::steps(conn, 1)).unwrap()[0].state, expect);
    }
}

#[test]
fn an_older_copy_of_the_database_goes_on_above_what_the_server_has_seen() {
    let mut world = World::new().server("a");
    world.provision("a");
    let mut claim = world.claim("a");
    record::raise_epoch(&world.db, &mut claim, world.now(), 40).unwrap();
    assert_eq!(claim.fence(), 41);
    world.done(&claim, 1, "packages");
    assert!(world.queue().contains("epoch 41,"), "{}", world.queue());
    world.finish(&claim, Ending::Succeeded);
    world.provision("a");
    let next = world.claim("a");
    assert_eq!(next.fence(), 42);
    world.put_back(&next);
}
