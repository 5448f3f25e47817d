//! Cancel: before, at and after the start, and against bodies that do not listen.

use super::Bench;
use crate::support::steps::{CANCELLED, Change, Job, begun, cancel, run};
use infrakt::ssh::{StepAnswer, StepResult};

#[tokio::test]
async fn what_is_cancelled_before_it_begins_never_does() {
    let bench = Bench::new("early").await;
    let job = Job::new();
    assert_eq!(cancel(&bench.line, job.step(1)).await.ended(), CANCELLED);
    assert_eq!(run(&bench.line, job.call(1, "touch /root/RAN")).await.ended(), CANCELLED);
    run(&bench.line, job.call(2, "echo done")).await.succeeded();
    let late = cancel(&bench.line, job.step(2)).await;
    assert_eq!(late.succeeded().text(), "done\n", "after the end the truth stays");

    job.release(&bench.line).await;
    let closed = run(&bench.line, job.call(4, "touch /root/RAN")).await;
    assert_eq!(closed.answer, Ok(StepAnswer::Stale { seen: job.epoch + 1 }));
    assert_eq!(bench.sh("ls /root/RAN 2>/dev/null || :").await, "");
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_cancel_at_any_moment_of_the_start_wins() {
    let bench = Bench::new("moments").await;
    let job = Job::new();
    run(&bench.line, job.call(1, "true")).await.succeeded(); // uploads
    let mut had_begun = 0;
    for run_nr in 1..=12 {
        let starting = run(&bench.line, job.call_run(3, run_nr, "sleep 7005").payload("pay"));
        let cancelling = async {
            // as far into the start as so many short commands take
            for _ in 0..run_nr / 2 {
                bench.sh("true").await;
            }
            let cancelled = cancel(&bench.line, job.step_run(3, run_nr)).await;
            (cancelled, bench.sh("pgrep -fx 'sleep 7005' || :").await)
        };
        let (started, (cancelled, alive)) = tokio::join!(starting, cancelling);
        assert_eq!((started.ended(), cancelled.ended(), alive.as_str()), (CANCELLED, CANCELLED, ""), "round {run_nr}");
        let begun = format!("test -e /var/lib/infrakt/steps/{}/started && echo yes || :", job.id(3, run_nr));
        had_begun += i32::from(bench.sh(&begun).await == "yes");
    }
    println!("had begun: {had_begun} of 12");
    bench.assert_no_payload().await;
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_tree_that_is_deaf_to_term_is_killed() {
    let bench = Bench::new("deaf").await;
    let job = Job::new();
    let script = "trap 'echo heard' TERM; trap '' HUP INT; \
                  (trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM; echo $$ >/root/deaf; while :; do sleep 0.3; done') & \
                  while :; do sleep 0.3; echo y; done";
    let running = begun(&bench.line, job.call(1, script)).await;
    bench.server.wait_until("[ -s /root/deaf ]");
    let cancelled = cancel(&bench.line, job.step(1)).await;
    let followed = running.await.unwrap();
    assert_eq!((cancelled.ended(), followed.ended()), (CANCELLED, CANCELLED), "the follower hears it too");
    assert_eq!(cancelled.text(), followed.text());
    let after_term = followed.text().split_once("heard\n").expect("it got TERM first").1.matches('y').count();
    assert!(after_term > 10, "and had its time: {after_term}");
    assert_eq!(bench.sh("kill -0 $(cat /root/deaf) 2>/dev/null && echo alive || echo dead").await, "dead");
    job.release(&bench.line).await;
}

#[tokio::test]
async fn an_epoch_shuts_out_all_lower_ones() {
    let bench = Bench::new("epoch").await;
    let job = Job::new().with_epoch(7);
    let script = "while [ ! -e \"$INFRAKT_CONFIRM\" ]; do sleep 0.1; done; echo end";
    let running = begun(&bench.line, job.call(1, script)).await;
    let old = job.with_epoch(6);
    let stale = Ok(StepAnswer::Stale { seen: 7 });
    assert_eq!(run(&bench.line, old.call(1, script)).await.answer, stale);
    assert_eq!(cancel(&bench.line, old.step(1)).await.answer, stale);
    assert_eq!(bench.line.confirm_step(old.step(1)).await, stale);
    old.release(&bench.line).await; // says so, and releases nothing
    assert_eq!(bench.sh(&format!("cat /var/lib/infrakt/epochs/{}", job.inst)).await, "7");
    assert_eq!(bench.line.stat_step(old.step(1)).await, Ok(StepAnswer::Running { size: 0 }), "looking needs no epoch");

    let next = job.with_epoch(8);
    let attached = begun(&bench.line, next.call(1, script)).await;
    bench.line.confirm_step(next.step(1)).await.unwrap();
    assert_eq!(attached.await.unwrap().succeeded().text(), "end\n", "the next owner attaches");
    running.await.unwrap().succeeded(); // the old follower was only reading
    next.release(&bench.line).await;
}

#[tokio::test]
async fn a_cancel_without_systemd_works_where_tests_need_it() {
    let bench = Bench::new("solo").await;
    bench.sh("echo SetEnv INFRAKT_NO_SYSTEMD=1 >/etc/ssh/sshd_config.d/0-solo.conf; systemctl reload ssh").await;
    bench.server.wait_until("sshd -T | grep -q NO_SYSTEMD");
    let line = bench.connect().await;
    let job = Job::new();
    let seen = run(&line, job.call(1, "cat \"$INFRAKT_IN\"; exit 5").payload("pay")).await;
    assert_eq!((seen.ended(), seen.text().as_str()), ((StepResult::ExitCode, 5), "pay"));
    let limited = run(&line, job.call(2, "sleep 7007").limit(1)).await;
    assert_eq!(limited.ended(), crate::support::steps::TIMED_OUT);
    let running = begun(&line, job.call(3, "sleep 7007")).await;
    assert_eq!(bench.sh("systemctl list-units --all --plain --no-legend 'infrakt-*'").await, "", "no unit of it");
    assert_eq!(cancel(&line, job.step(3)).await.ended(), CANCELLED);
    assert_eq!(running.await.unwrap().ended(), CANCELLED);
    assert_eq!(bench.sh("pgrep -fx 'sleep 7007' || :").await, "");
    job.release(&line).await;
}
