//! A step runs once, tells its output to the byte, and can be attached to at any byte from anywhere.

use super::Bench;
use crate::support::proxy::{Proxy, Way};
use crate::support::steps::{Change, Job, begun, run};
use infrakt::ssh::{LineError, StepAnswer, StepResult, sha256};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_step_tells_how_it_ended_and_what_it_printed() {
    let bench = Bench::new("basics").await;
    let job = Job::new();
    let script = "umask; echo $HOME $LC_ALL $PATH; pwd; cat \"$INFRAKT_IN\"; stat -c %a \"$INFRAKT_IN\"; env | grep -c -e SSH_ -e ^TERM= -e SUDO_; exit 3";
    let first = run(&bench.line, job.call(1, script).payload("sec\nret")).await;
    assert_eq!(first.ended(), (StepResult::ExitCode, 3));
    assert_eq!(
        first.text(),
        "0022\n/root C.UTF-8 /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n/\nsec\nret600\n0\n"
    );
    let attached = run(&bench.line, job.call(1, script).from(5)).await;
    assert_eq!((attached.ended(), attached.log.as_slice()), (first.ended(), &first.log[5..]));

    let killed = run(&bench.line, job.call(2, "kill -9 $$")).await;
    assert_eq!(killed.ended(), (StepResult::ExitCode, 137));

    let random = run(&bench.line, job.call(3, "head -c 3000000 /dev/urandom")).await;
    assert_eq!(sha256(&random.succeeded().log), bench.log_sha256(job.id(3, 1).as_str()).await);
    assert_eq!(bench.line.stat_step(job.step(3)).await, Ok(random.answer.unwrap()));
    assert_eq!(bench.line.stat_step(job.step(9)).await, Ok(StepAnswer::Absent));

    let wide = "find /var/lib/infrakt /run/infrakt -type f ! -perm 600 ! -path '*/bin/*'; find /var/lib/infrakt /run/infrakt -type d ! -perm 700";
    assert_eq!(bench.sh(wide).await, "", "files 0600, folders 0700");
    job.release(&bench.line).await;
}

#[tokio::test]
async fn nine_clients_at_once_start_a_step_once() {
    let bench = Bench::new("race").await;
    let job = Job::new();
    let script = "echo start $$ >>/root/race; for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done";
    let clients = (0..9).map(|i| {
        let (bench, job) = (&bench, &job);
        async move { run(&bench.connect().await, job.call(1, script).payload(format!("pay{i}"))).await }
    });
    let seen = futures_util::future::join_all(clients).await;
    let texts: BTreeSet<String> = seen.iter().map(|seen| seen.succeeded().text()).collect();
    assert_eq!(texts.into_iter().collect::<Vec<_>>(), ["line 1\nline 2\nline 3\nline 4\nline 5\n"]);
    assert_eq!(bench.sh("wc -l </root/race").await, "1");
    bench.assert_no_payload().await;
    job.release(&bench.line).await;
}

#[tokio::test]
async fn clients_that_die_again_and_again_lose_no_byte() {
    let bench = Bench::new("reattach").await;
    let proxy = Proxy::to_port(bench.server.port);
    let script = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); head -c 7000 /dev/urandom; echo $i; sleep 0.1; done";
    let job = Job::new();
    let (mut log, mut deaths) = (Vec::new(), 0);
    loop {
        // from within the login to far into the log
        proxy.cut_after(Way::Down, 1_500 + 7_919 * deaths % 90_000);
        let mut call = job.call(1, script).from(log.len() as i64);
        if deaths % 2 == 1 {
            call = call.attach_only();
        }
        if let Ok(line) = bench.ssh.connect(&bench.through(proxy.port())).await {
            let seen = run(&line, call).await;
            log.extend(&seen.log);
            match seen.answer {
                Ok(StepAnswer::Exited { result: StepResult::Success, .. }) => break,
                Ok(StepAnswer::Absent) | Err(LineError::Lost(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        deaths += 1;
    }
    assert!(deaths > 5, "only {deaths}");
    assert_eq!(sha256(&log), bench.log_sha256(job.id(1, 1).as_str()).await);
    bench.server.wait_until("! pgrep -f '[i]nfrakt-step-[0-9a-f]* run'"); // a follower ends with its client
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_step_outlives_the_sshd_it_came_through() {
    let bench = Bench::new("sshd").await;
    let job = Job::new();
    let script = "echo before; systemctl restart ssh; for p in /proc/[0-9]*; do case $(readlink $p/exe) in */sshd-session|*/sshd-auth) kill -9 ${p#/proc/};; esac; done; sleep 1; echo after";
    let first = run(&bench.line, job.call(1, script)).await;
    assert!(matches!(first.answer, Err(LineError::Lost(_))), "{first:?}");
    let line = bench.connect().await;
    let second = run(&line, job.call(1, script).from(first.offset)).await;
    assert_eq!(first.text() + &second.succeeded().text(), "before\nafter\n");
    job.release(&line).await;
}

#[tokio::test]
async fn a_long_silence_is_filled_with_heartbeats() {
    let bench = Bench::new("beats").await;
    let job = Job::new();
    let seen = run(&bench.line, job.call(1, "sleep 11; echo x")).await;
    assert!(seen.succeeded().beats > 2, "{seen:?}");
    job.release(&bench.line).await;
}

#[tokio::test]
async fn confirm_reaches_the_body_over_another_connection() {
    let bench = Bench::new("confirm").await;
    let job = Job::new();
    assert_eq!(bench.line.confirm_step(job.step(1)).await, Ok(StepAnswer::Absent));
    let script = "for i in $(seq 120); do [ -e \"$INFRAKT_CONFIRM\" ] && exit 0; sleep 0.5; done; exit 75";
    let running = begun(&bench.line, job.call(1, script)).await;
    let answer = bench.connect().await.confirm_step(job.step(1)).await;
    assert_eq!(answer, Ok(StepAnswer::Running { size: 0 }));
    running.await.unwrap().succeeded();
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_hundred_steps_leave_nothing_behind() {
    let bench = Bench::new("many").await;
    let job = Job::new();
    run(&bench.line, job.call(1, "true")).await.succeeded();
    let processes = "ls /proc | grep -c '^[0-9]'";
    let before: i32 = bench.sh(processes).await.parse().unwrap();
    for seq in 2..=100 {
        let seen = run(&bench.line, job.call(seq, "echo $INFRAKT_IN")).await;
        assert_eq!(seen.succeeded().text(), format!("/run/infrakt/{}.in\n", job.id(seq, 1)));
    }
    assert_eq!(bench.sh("ls /var/lib/infrakt/steps | wc -l").await, "100");
    job.release(&bench.line).await;
    let left = "ls /var/lib/infrakt/steps | wc -l; systemctl list-units --all --plain --no-legend 'infrakt-*' | wc -l; ls /run/infrakt | wc -l";
    assert_eq!(bench.sh(left).await, "0\n0\n0");
    bench.server.wait_until(&format!("[ $({processes}) -lt {} ]", before + 4));
    // call, upload, call, each step, and the reads; all but the first steps had their channel ready
    assert!(bench.ssh.counters().channels_ahead.get() >= 98, "{:?}", bench.ssh.counters());
}
