//! How steps end when they do not end by themselves: killed runners, limits, launchers that die.

use super::{Bench, script_path};
use crate::support::steps::{Change, Job, TIMED_OUT, begun, run};
use infrakt::ssh::{StepAnswer, StepResult, sha256};

#[tokio::test]
async fn a_runner_killed_by_a_stranger_takes_its_children_along() {
    let bench = Bench::new("runner").await;
    let job = Job::new();
    let script = "sleep 7001 & setsid sleep 7001 & echo x; wait";
    let running = begun(&bench.line, job.call(1, script).payload("pay")).await;
    bench.server.wait_until("[ $(pgrep -fxc 'sleep 7001') = 2 ]");
    bench.sh(&format!("kill -9 $(systemctl show -P MainPID infrakt-{})", job.id(1, 1))).await;
    assert_eq!(running.await.unwrap().ended(), (StepResult::Signal, 137));
    assert_eq!(bench.sh("pgrep -fx 'sleep 7001' || :").await, "");
    bench.assert_no_payload().await;

    let running = begun(&bench.line, job.call(2, "sleep 60; echo done")).await;
    bench.sh(&format!("kill -TERM $(systemctl show -P MainPID infrakt-{})", job.id(2, 1))).await;
    let ended = running.await.unwrap();
    assert!(matches!(ended.answer, Ok(StepAnswer::Lost { .. })), "nobody knows how far it came: {ended:?}");
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_limit_ends_a_step_and_all_it_started() {
    let bench = Bench::new("limit").await;
    let job = Job::new();
    let plain = run(&bench.line, job.call(1, "echo x; sleep 7002").limit(2)).await;
    assert_eq!(plain.ended(), TIMED_OUT);
    let script = "trap '' TERM; (trap '' TERM; setsid sleep 7002) & while :; do sleep 1; done";
    let deaf = run(&bench.line, job.call(2, script).limit(2)).await;
    assert_eq!(deaf.ended(), TIMED_OUT);
    assert_eq!(bench.sh("pgrep -fx 'sleep 7002' || :").await, "");
    let script = "trap 'echo cleaning; exit 0' TERM; sleep 60 & wait";
    let tidy = run(&bench.line, job.call(3, script).limit(3)).await;
    assert_eq!((tidy.ended(), tidy.text().as_str()), (TIMED_OUT, "cleaning\n"), "it was over its time all the same");
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_step_has_ended_only_when_its_last_child_is_dead() {
    let bench = Bench::new("child").await;
    let job = Job::new();
    let script = "(trap '' TERM; exec setsid sleep 7004) & sleep 0.2; exit 0";
    run(&bench.line, job.call(1, script)).await.succeeded();
    assert_eq!(bench.sh("pgrep -fx 'sleep 7004' || :").await, "");
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_launcher_killed_at_any_moment_means_one_run() {
    let bench = Bench::new("launcher").await;
    let job = Job::new();
    run(&bench.line, job.call(99, "true")).await.succeeded(); // uploads
    let mut before_the_body = 0;
    for n in 1..=24 {
        let script = format!("echo x >>/root/ran.{n}; sleep 0.2");
        let (inst, epoch, id) = (&job.inst, job.epoch, job.id(n, 1));
        let call = format!("run {inst} {epoch} {id} {} 0 60 {} 0", sha256(script.as_bytes()), script.len());
        // the launcher alone dies: what it has started goes on beside the client's next call
        let launch = format!(
            "exec 2>/dev/null; cat >/tmp/in; setsid {} {call} </tmp/in >/dev/null 2>&1 & p=$!; sleep {}; kill -9 $p; \
             test -e /var/lib/infrakt/steps/{id}/started && echo begun || echo not begun",
            script_path(),
            f64::from(n) * 0.005,
        );
        if super::sh(&bench.line, &launch, script.as_bytes()).await == "not begun" {
            before_the_body += 1;
        }
        run(&bench.line, job.call(n, &script)).await.succeeded();
        assert_eq!(bench.sh(&format!("cat /root/ran.{n}")).await, "x", "killed after {n} times 5 ms");
    }
    println!("killed before the body began: {before_the_body} of 24");
    job.release(&bench.line).await;
}
