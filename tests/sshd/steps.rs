//! Steps: the script is uploaded, started once, attached to, cancelled; and what a broken or silent line means. Without systemd the
//! script runs its steps as plain children: what needs systemd is proven on a real server.

use crate::driver::{CANCELLED, Change, Job, TIMED_OUT, begun, cancel, collect, run};
use crate::sshd::{Mode, TestSshd};
use infrakt::domain::failure::code;
use infrakt::ssh::{LineError, STEP_SCRIPT, Settings, Ssh, StepAnswer, StepCall, StepResult, step_script_sha256};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tokio::sync::mpsc;

fn script_path(sshd: &TestSshd) -> PathBuf {
    sshd.path(&format!("state/bin/infrakt-step-{}", &step_script_sha256()[..12]))
}

#[tokio::test]
async fn the_script_is_uploaded_once_and_again_when_it_is_gone() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    let seen = run(&connection, job.call(1, "cat \"$INFRAKT_IN\"; exit 3").payload("a\0b")).await;
    assert_eq!((seen.ended(), seen.log.as_slice()), ((StepResult::ExitCode, 3), b"a\0b".as_slice()));
    let path = script_path(&sshd);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), STEP_SCRIPT);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);

    let second = ssh.connect(&sshd.target()).await.unwrap();
    run(&second, job.call(2, "true")).await.succeeded();
    assert_eq!(ssh.counters().script_uploads.get(), 1);

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    run(&second, job.call(3, "true")).await.succeeded();
    std::fs::remove_file(&path).unwrap();
    run(&second, job.call(4, "true")).await.succeeded();
    assert_eq!(ssh.counters().script_uploads.get(), 3);
    job.release(&second).await;
    assert_eq!(std::fs::read_dir(sshd.path("state/bin")).unwrap().count(), 1, "no upload is left half-way");
}

#[tokio::test]
async fn a_place_where_nothing_can_be_put_is_said() {
    let sshd = TestSshd::start();
    std::fs::write(sshd.path("state"), "a file where a folder should be").unwrap();
    let seen = run(&sshd.connect().await, Job::new().call(1, "true")).await;
    assert!(
        matches!(&seen.answer, Ok(StepAnswer::Server(why)) if why.contains("cannot put the step script there")),
        "{seen:?}"
    );
}

#[tokio::test]
async fn an_ended_step_is_attached_to_and_never_run_again() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let job = Job::new();
    let script = format!("echo ran >>{}; head -c 300000 /dev/urandom", sshd.path("ran").display());
    let first = run(&connection, job.call(1, &script)).await;
    first.succeeded();
    let again = run(&connection, job.call(1, &script).from(100_000)).await;
    again.succeeded();
    assert!(again.log == first.log[100_000..]);
    let attached = run(&connection, job.call(1, &script).attach_only()).await;
    assert!(attached.succeeded().log == first.log);
    assert_eq!(std::fs::read_to_string(sshd.path("ran")).unwrap(), "ran\n");

    let unknown = run(&connection, job.call(2, &script).attach_only()).await;
    assert_eq!(unknown.answer, Ok(StepAnswer::Absent));
    let other = run(&connection, job.call(1, "true")).await;
    assert_eq!(other.answer, Ok(StepAnswer::Mismatch { sha: infrakt::ssh::sha256(script.as_bytes()) }));
    assert_eq!(connection.stat_step(job.step(1)).await, Ok(first.answer.unwrap()));
    job.release(&connection).await;
}

#[tokio::test]
async fn nine_clients_start_it_once_and_see_the_same() {
    let sshd = TestSshd::start();
    let job = Job::new();
    let ran = sshd.path("ran");
    let script = format!("echo ran >>{}; for i in 1 2 3 4 5; do echo line $i; sleep 0.1; done", ran.display());
    let clients = (0..9).map(|i| {
        let (sshd, job, script) = (&sshd, &job, &script);
        async move { run(&sshd.connect().await, job.call(1, script).payload(format!("payload {i}"))).await }
    });
    for seen in futures_util::future::join_all(clients).await {
        assert_eq!(seen.succeeded().text(), "line 1\nline 2\nline 3\nline 4\nline 5\n");
    }
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "ran\n");
    assert_eq!(std::fs::read_dir(sshd.path("state/run")).unwrap().count(), 0, "no payload is left");
}

/// A client as the engine is one: reconnects and attaches at the byte until there is an answer.
async fn follow_through(sshd: &TestSshd, ssh: &Ssh, call: &StepCall) -> (Vec<u8>, usize) {
    let (mut log, mut broken) = (Vec::new(), 0);
    loop {
        // further on each time, so that also a small limit leads to the end
        sshd.faults.cut_after(6_000 + 3_000 * broken as u64);
        let Ok(connection) = ssh.connect(&sshd.target()).await else {
            broken += 1;
            continue;
        };
        let body = if broken % 2 == 0 { call.body.clone() } else { None };
        let seen = run(&connection, StepCall { offset: log.len() as i64, body, ..call.clone() }).await;
        log.extend(seen.log);
        match seen.answer {
            Ok(StepAnswer::Exited { result: StepResult::Success, .. }) => return (log, broken),
            Ok(StepAnswer::Absent) | Err(LineError::Lost(_)) => broken += 1,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_line_that_breaks_again_and_again_costs_no_byte() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    let script = "i=0; while [ $i -lt 40 ]; do i=$((i+1)); head -c 7000 /dev/urandom; echo $i; sleep 0.02; done";
    let call = Job::new().call(1, script);
    let (log, broken) = follow_through(&sshd, &ssh, &call).await;
    let there = std::fs::read(sshd.path(&format!("state/steps/{}/log", call.id))).unwrap();
    assert!(log == there, "{} bytes seen, {} there", log.len(), there.len());
    assert!(broken > 5, "only {broken} times");
}

#[tokio::test]
async fn a_caller_that_goes_leaves_the_step_running_and_the_line_whole() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let job = Job::new();
    let call = job.call(1, "echo one; while [ ! -e \"$INFRAKT_CONFIRM\" ]; do sleep 0.05; done; echo two");
    begun(&connection, call.clone()).await.abort();
    let stat = connection.stat_step(job.step(1)).await;
    assert!(matches!(stat, Ok(StepAnswer::Running { .. })), "{stat:?}");
    assert!(matches!(connection.confirm_step(job.step(1)).await, Ok(StepAnswer::Running { .. })));
    assert_eq!(run(&connection, call.attach_only()).await.succeeded().text(), "one\ntwo\n");
    connection.alive().await.unwrap();
}

#[tokio::test]
async fn without_a_taker_of_frames_the_answer_still_comes() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (frames, receiver) = mpsc::channel(1);
    drop(receiver);
    let answer = connection.run_step(Job::new().call(1, "head -c 4000000 /dev/zero"), frames).await;
    assert!(matches!(answer, Ok(StepAnswer::Exited { size: 4_000_000, .. })), "{answer:?}");
}

#[tokio::test]
async fn a_slow_taker_of_frames_is_no_silent_server() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.impatient());
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let (frames, receiver) = mpsc::channel(1);
    let answer = connection.run_step(Job::new().call(1, "head -c 4000000 /dev/zero"), frames);
    tokio::pin!(answer);
    // three times the silence that is allowed to the server
    let pause = sshd.impatient().silence * 3;
    let early = tokio::time::timeout(pause, &mut answer).await;
    assert!(early.is_err(), "{early:?}");
    assert_eq!(collect(answer, receiver, 0).await.succeeded().log.len(), 4_000_000);
}

#[tokio::test]
async fn a_large_payload_arrives_whole() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let payload: Vec<u8> = (0..5_000_000u32).map(|i| (i % 253) as u8).collect();
    let job = Job::new();
    let seen = run(&connection, job.call(1, "sha256sum <\"$INFRAKT_IN\"").payload(payload.clone())).await;
    assert!(seen.succeeded().text().starts_with(&infrakt::ssh::sha256(&payload)));
    // refused before it is read to the end: the answer comes all the same
    let stale = run(&connection, job.with_epoch(0).call(2, "true").payload(payload)).await;
    assert_eq!(stale.answer, Ok(StepAnswer::Stale { seen: 1 }));
}

#[tokio::test]
async fn cancel_kills_what_runs_and_forbids_what_has_not_begun() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let job = Job::new();
    let running = begun(&connection, job.call(1, "echo x; sleep 1000")).await;
    let cancelled = cancel(&connection, job.step(1)).await;
    assert_eq!(cancelled.ended(), CANCELLED);
    assert_eq!(running.await.unwrap().ended(), CANCELLED, "the follower hears it too");

    assert_eq!(cancel(&connection, job.step(2)).await.ended(), CANCELLED);
    let ran = sshd.path("ran");
    let late = run(&connection, job.call(2, &format!("touch {}", ran.display()))).await;
    assert_eq!((late.ended(), ran.exists()), (CANCELLED, false));

    run(&connection, job.call(3, "echo done")).await.succeeded();
    assert_eq!(cancel(&connection, job.step(3)).await.succeeded().text(), "done\n");
}

#[tokio::test]
async fn a_limit_ends_a_step() {
    let sshd = TestSshd::start();
    let seen = run(&sshd.connect().await, Job::new().call(1, "echo x; sleep 1000").limit(1)).await;
    assert_eq!((seen.ended(), seen.text().as_str()), (TIMED_OUT, "x\n"));
}

#[tokio::test]
async fn a_stale_owner_is_out_and_a_released_job_is_closed() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let old = Job::new().with_epoch(5);
    run(&connection, old.call(1, "true")).await.succeeded();
    let new = old.next();
    run(&connection, new.call(1, "true")).await.succeeded();
    let stale = Ok(StepAnswer::Stale { seen: 6 });
    assert_eq!(run(&connection, old.call(2, "true")).await.answer, stale);
    assert_eq!(cancel(&connection, old.step(1)).await.answer, stale);
    assert_eq!(connection.confirm_step(old.step(1)).await, stale);
    old.release(&connection).await; // says released and does nothing
    new.release(&connection).await;
    assert_eq!(run(&connection, new.call(2, "true")).await.answer, Ok(StepAnswer::Stale { seen: 7 }));
    new.release(&connection).await;
}

#[tokio::test]
async fn another_installation_waits_for_the_lane() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let (ours, theirs) = (Job::new(), Job::new());
    let running = begun(&connection, ours.call(1, "while [ ! -e \"$INFRAKT_CONFIRM\" ]; do sleep 0.05; done")).await;
    match run(&connection, theirs.call(1, "true")).await.answer {
        Ok(StepAnswer::Busy { installation, job, step, .. }) => {
            assert_eq!((installation, job), (ours.inst.clone(), ours.uid.clone()));
            assert_eq!(step.as_deref(), Some(ours.id(1, 1).as_str()));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        cancel(&connection, Job { inst: theirs.inst.clone(), ..ours.clone() }.step(1)).await.answer,
        Ok(StepAnswer::Mismatch { .. })
    ));
    let living = connection.release(&ours.inst, ours.epoch, &ours.uid).await;
    assert!(matches!(living, Ok(StepAnswer::Busy { .. })), "a job with a living step is not released");
    connection.confirm_step(ours.step(1)).await.unwrap();
    running.await.unwrap().succeeded();
    match run(&connection, theirs.call(1, "true")).await.answer {
        Ok(StepAnswer::Busy { step: None, idle, .. }) => assert!(idle < 100),
        other => panic!("{other:?}"),
    }
    ours.release(&connection).await;
    run(&connection, theirs.call(1, "true")).await.succeeded();
    theirs.release(&connection).await;
    assert_eq!(connection.gc(&theirs.inst, theirs.epoch + 1, 30).await, Ok(StepAnswer::Collected));
}

#[tokio::test]
async fn a_call_that_is_no_call_is_a_bug_and_says_so() {
    let sshd = TestSshd::start();
    let connection = sshd.connect().await;
    let job = Job::new();
    let bad = Job { uid: "short".to_owned(), ..job.clone() };
    assert_eq!(run(&connection, bad.call(1, "true")).await.answer, Ok(StepAnswer::Caller("bad id".to_owned())));
    let bad = Job { inst: "$(touch x)".to_owned(), ..job };
    assert!(matches!(run(&connection, bad.call(1, "true")).await.answer, Ok(StepAnswer::Caller(_))));
}

#[tokio::test]
async fn a_server_that_falls_silent_in_a_step_is_given_up() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.impatient());
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    let running = begun(&connection, job.call(1, "while :; do echo x; sleep 0.05; done")).await;
    sshd.faults.set(Mode::Stall);
    let seen = running.await.unwrap();
    assert_eq!(seen.answer, Err(LineError::Silent("a running step")));
    assert_eq!(seen.answer.unwrap_err().failure("s").code, code::UNREACHABLE);
    sshd.faults.set(Mode::Ok);
    sshd.faults.cut();
    let again = ssh.connect(&sshd.target()).await.unwrap();
    assert_eq!(cancel(&again, job.step(1)).await.ended(), CANCELLED, "the step went on");
}

#[tokio::test]
async fn a_step_that_does_not_begin_is_waited_for_longer_but_not_for_ever() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.impatient());
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    run(&connection, job.call(1, "true")).await.succeeded();
    // another call holds the gate
    let mut holder = Command::new("flock")
        .arg(sshd.path("state/gate"))
        .args(["sh", "-c", "echo; read x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    let seen = run(&connection, job.call(2, "true")).await;
    assert_eq!(seen.answer, Err(LineError::Silent("the start of a step")));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    let again = ssh.connect(&sshd.target()).await.unwrap();
    run(&again, job.call(2, "true")).await.succeeded();
}

#[tokio::test]
async fn a_login_shell_that_talks_is_named() {
    let sshd = TestSshd::start();
    sshd.configure("ForceCommand echo Welcome; eval \"$SSH_ORIGINAL_COMMAND\"");
    let seen = run(&sshd.connect().await, Job::new().call(1, "true")).await;
    assert!(matches!(&seen.answer, Err(LineError::Garbage(why)) if why.contains("Welcome")), "{seen:?}");
}

#[tokio::test]
async fn steps_go_through_sudo_and_its_refusal_is_told() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(Settings { always_sudo: true, ..sshd.settings() });
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    sshd.shim("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    let refused = Ok(StepAnswer::NoSudo("sudo: a password is required".to_owned()));
    assert_eq!(run(&connection, job.call(1, "true")).await.answer, refused);

    sshd.shim("sudo", "echo 'sh: 1: sudo: not found' >&2; exit 127");
    let missing = Ok(StepAnswer::NoSudo("sh: 1: sudo: not found".to_owned()));
    assert_eq!(run(&connection, job.call(1, "true")).await.answer, missing);

    sshd.shim("sudo", "[ \"$1\" = -n ] || exit 9; shift; exec \"$@\"");
    let seen = run(&connection, job.call(1, "cat \"$INFRAKT_IN\"; head -c 300000 /dev/zero").payload("p")).await;
    assert_eq!(seen.succeeded().log.len(), 300_001);
    job.release(&connection).await;
}

#[tokio::test]
async fn the_next_steps_channel_is_open_before_it_is_needed() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(sshd.settings());
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    for seq in 1..=4 {
        run(&connection, job.call(seq, "sleep 0.2")).await.succeeded();
    }
    let counters = ssh.counters();
    // call, upload, call; then each step on the channel that was opened during the one before
    assert!(counters.channels_ahead.get() >= 3 && counters.lost.get() == 0, "{counters:?}");
}

#[tokio::test]
async fn a_server_that_opens_one_channel_at_a_time_is_enough() {
    let sshd = TestSshd::start();
    sshd.configure("MaxSessions 1");
    let ssh = Ssh::with(sshd.settings());
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    for seq in 1..=3 {
        run(&connection, job.call(seq, "sleep 0.2")).await.succeeded();
    }
    job.release(&connection).await;
    assert_eq!(ssh.counters().lost.get(), 0);
}
