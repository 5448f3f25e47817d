//! One step at a time on a server, whoever's; and what is cleared away.

use super::{Bench, script_path};
use crate::support::steps::{Job, Seen, begun, cancel, run};
use infrakt::ssh::{Connection, StepAnswer};

/// A body that runs until it is confirmed.
const UNTIL_CONFIRMED: &str = "while [ ! -e \"$INFRAKT_CONFIRM\" ]; do sleep 0.1; done";

#[track_caller]
fn assert_busy(seen: &Seen, by: &Job, living: Option<&str>) {
    match &seen.answer {
        Ok(StepAnswer::Busy { installation, job, step, since, .. }) => {
            assert_eq!((installation, job, step.as_deref()), (&by.inst, &by.uid, living));
            assert!(*since > 1_000_000_000, "{since}");
        }
        other => panic!("not busy: {other:?}"),
    }
}

async fn go_on(line: &Connection, job: &Job, seq: i32) {
    assert!(matches!(line.confirm_step(job.step(seq)).await, Ok(StepAnswer::Running { .. })));
}

#[tokio::test]
async fn two_installations_take_turns() {
    let bench = Bench::new("lane").await;
    let line = &bench.line;
    let (ours, theirs) = (Job::new(), Job::new());
    let step = ours.id(1, 1);
    let running = begun(line, ours.call(1, UNTIL_CONFIRMED)).await;
    assert_busy(&run(line, theirs.call(1, "echo mine")).await, &ours, Some(step.as_str()));
    bench.sh("touch -d '-10 min' /var/lib/infrakt/lane").await;
    assert_busy(&run(line, theirs.call(1, "echo mine")).await, &ours, Some(step.as_str()));
    go_on(line, &ours, 1).await;
    running.await.unwrap().succeeded();

    let between = run(line, theirs.call(1, "echo mine")).await;
    assert_busy(&between, &ours, None);
    // its end was a sign of life: the ten minutes are forgotten
    assert!(matches!(between.answer, Ok(StepAnswer::Busy { idle, .. }) if idle < 60), "{between:?}");

    let stranger = Job { inst: theirs.inst.clone(), ..ours.clone() };
    let not_theirs = |answer: &_| matches!(answer, Ok(StepAnswer::Mismatch { .. }));
    assert!(not_theirs(&cancel(line, stranger.step(1)).await.answer), "nor cancel ours");
    assert!(not_theirs(&run(line, stranger.call(1, UNTIL_CONFIRMED)).await.answer), "nor attach to it");
    assert!(not_theirs(&line.release(&stranger.inst, 1, &ours.uid).await), "nor release it");

    bench.sh("touch -d '-100 sec' /var/lib/infrakt/lane").await;
    assert_busy(&run(line, theirs.call(1, "echo mine")).await, &ours, None);
    bench.sh("touch -d '-130 sec' /var/lib/infrakt/lane").await;
    run(line, theirs.call(1, "echo mine")).await.succeeded();
    assert_busy(&run(line, ours.call(2, "true")).await, &theirs, None);
    run(line, ours.call(1, UNTIL_CONFIRMED)).await.succeeded(); // its old result can still be read
    theirs.release(line).await;
    run(line, ours.call(2, "true")).await.succeeded();
    ours.release(line).await;
}

#[tokio::test]
async fn ones_own_living_step_is_waited_for_too() {
    let bench = Bench::new("own").await;
    let line = &bench.line;
    let job = Job::new();
    let step = job.id(3, 1);
    let running = begun(line, job.call(3, UNTIL_CONFIRMED)).await;
    let next = job.next();
    assert_busy(&run(line, next.call(1, "true")).await, &job, Some(step.as_str()));
    let second_run = job.with_epoch(next.epoch).call_run(3, 2, "true");
    assert_busy(&run(line, second_run).await, &job, Some(step.as_str()));
    let release = line.release(&job.inst, next.epoch, &job.uid).await;
    assert!(matches!(release, Ok(StepAnswer::Busy { step: Some(living), .. }) if living == step.as_str()));
    go_on(line, &job.with_epoch(next.epoch), 3).await;
    running.await.unwrap().succeeded();
    run(line, next.call(1, "true")).await.succeeded(); // without a release of the job before
    let folders = format!("ls -d /var/lib/infrakt/steps/{}-* 2>/dev/null || :", job.uid);
    assert_eq!(bench.sh(&folders).await, "", "whose folders it clears");
    next.release(line).await;
}

#[tokio::test]
async fn what_others_left_is_collected_and_nothing_else() {
    let bench = Bench::new("gc").await;
    let line = &bench.line;
    let job = Job::new();
    run(line, job.call(1, "true")).await.succeeded();
    let old = Job::new().id(1, 1);
    bench
        .sh(&format!(
            "cd /var/lib/infrakt; mkdir steps/{old}; touch -d '-40 days' steps/{old}; touch -d '-40 days' bin/infrakt-step-000000000000; \
             touch bin/infrakt-step-111111111111; mkdir -p /run/infrakt/t.99999999"
        ))
        .await;
    assert_eq!(line.gc(&job.inst, job.epoch, 30).await, Ok(StepAnswer::Collected));
    let own = script_path().rsplit('/').next().unwrap().to_owned();
    let mut left = [own, "infrakt-step-111111111111".to_owned()];
    left.sort();
    assert_eq!(bench.sh("ls /var/lib/infrakt/bin /run/infrakt | grep -v : | sort | xargs").await, left.join(" "));
    assert_eq!(bench.sh("ls /var/lib/infrakt/steps").await, job.id(1, 1).as_str());

    // a unit runs from an old script: it stays until the unit ends
    let other = "/var/lib/infrakt/bin/infrakt-step-222222222222";
    bench.sh(&format!("cp {} {other}; touch -d '-40 days' {other}", script_path())).await;
    let sha = infrakt::ssh::sha256(UNTIL_CONFIRMED.as_bytes());
    let (id, len) = (job.id(2, 1), UNTIL_CONFIRMED.len());
    let call = format!("{other} run {} {} {id} {sha} 0 60 {len} 0 >/dev/null 2>/root/answer", job.inst, job.epoch);
    let starting = super::sh(line, &call, UNTIL_CONFIRMED.as_bytes());
    let collecting = async {
        let began = format!("until [ -e /var/lib/infrakt/steps/{id}/started ]; do sleep 0.05; done");
        bench.sh(&began).await;
        assert_eq!(line.gc(&job.inst, job.epoch, 30).await, Ok(StepAnswer::Collected));
        let there = bench.sh(&format!("ls {other}")).await;
        go_on(line, &job, 2).await;
        there
    };
    assert_eq!(tokio::join!(starting, collecting).1, other);
    assert!(bench.sh("cat /root/answer").await.contains("\"result\":\"success\""));
    assert_eq!(line.gc(&job.inst, job.epoch, 30).await, Ok(StepAnswer::Collected));
    assert_eq!(bench.sh("ls /var/lib/infrakt/bin | grep 222 || :").await, "");
    job.release(line).await;
}
