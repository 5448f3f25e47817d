//! What a job survives: its process killed, stopped, drained; the line cut, frozen, swallowed; the server rebooted. Toy plans on a real
//! server, run by worker processes of their own.

use crate::support::proxy::Proxy;
use crate::support::server::{Reboot, TestServer};
use crate::support::toy::{self, Toy, ToyHome};
use infrakt::domain::job::JobState;
use infrakt::domain::job::Resolution;
use infrakt::queue::{answer, cancel};
use std::time::{Duration, Instant};

/// Where a worker process of this target lives.
#[test]
fn worker_process() {
    toy::worker_if_asked();
}

/// Prints some 200 kB in `seconds` and says in a file of the server's that it ran.
fn printer(seconds: u32) -> Toy {
    let script = format!(
        "echo ran >>/root/ran; i=0; while [ $i -lt {} ]; do i=$((i+1)); head -c 300 /dev/urandom | od -An -tx1; echo \"line $i\"; sleep 0.1; done",
        seconds * 10
    );
    Toy::new("print", &script)
}

/// Keeps the first step's log as the server has it.
fn keeper() -> Toy {
    Toy::new("keep", "cat /var/lib/infrakt/steps/$JOB-1-*/log >/root/log")
}

fn with_job(script: &str) -> String {
    format!(". \"$INFRAKT_IN\"; {script}")
}

fn plan(toys: &[Toy]) -> Vec<Toy> {
    toys.iter().cloned().map(|toy| Toy { script: with_job(&toy.script), ..toy }).collect()
}

/// The stored log is the server's, byte for byte, and the step ran once.
#[track_caller]
fn assert_exact(server: &TestServer, home: &ToyHome, id: i64) {
    let stored = home.log(id, 1, 1);
    let there = server.try_exec("cat /root/log").stdout;
    assert!(!stored.is_empty() && stored == there, "{} bytes stored, {} there", stored.len(), there.len());
    assert_eq!(server.exec("cat /root/ran"), "ran");
    assert_eq!(home.runs(id), ["1.1 succeeded", "2.1 succeeded"]);
}

#[test]
fn a_killed_process_costs_no_byte_and_no_second_run() {
    let server = TestServer::ready("kill");
    let home = ToyHome::new(&server, server.port);
    let job = home.enqueue(&plan(&[printer(30), keeper()]));
    let mut kills = 0;
    let mut worker = home.worker();
    for part in 1..=4 {
        home.wait_log(job.id, 1, part * 40_000);
        worker.kill();
        kills += 1;
        worker = home.worker();
    }
    let ended = home.wait_success(job.id);
    assert_exact(&server, &home, job.id);
    assert_eq!((kills, ended.attempt), (4, 0), "being taken over costs no attempt");
    assert_eq!(worker.wait(), Some(0), "a worker with nothing to do ends");
}

#[test]
fn a_line_that_is_cut_frozen_or_swallowed_costs_no_byte() {
    let server = TestServer::ready("line");
    let proxy = Proxy::to_port(server.port);
    let home = ToyHome::new(&server, proxy.port());
    let job = home.enqueue(&plan(&[printer(60), keeper()]));
    let worker = home.worker();
    home.wait_log(job.id, 1, 20_000);
    proxy.reset();
    home.wait_log(job.id, 1, 60_000);
    proxy.freeze();
    pass(Duration::from_secs(20));
    proxy.heal();
    home.wait_log(job.id, 1, 200_000);
    proxy.swallow();
    pass(Duration::from_secs(20));
    proxy.reset();
    proxy.heal();
    let ended = home.wait_success(job.id);
    assert_exact(&server, &home, job.id);
    assert_eq!(ended.attempt, 0, "a lost line is not a failure");
    let log = home.whole_log(job.id);
    assert!(log.contains("! lost the connection to toy") && log.contains(". back after"), "{log}");
    drop(worker);
}

/// A fault lasts this long; nothing is waited for.
fn pass(time: Duration) {
    let end = Instant::now() + time;
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

#[test]
fn a_stale_owner_writes_nothing_here_nor_there() {
    let server = TestServer::ready("stale");
    let home = ToyHome::new(&server, server.port);
    let second = Toy::new("second", &with_job("echo second >>/root/second; sleep 3"));
    let job = home.enqueue(&[printer(8), second]);
    let stale = home.worker();
    home.wait_log(job.id, 1, 10_000);
    let fence = home.job(job.id).fence;
    stale.signal(libc::SIGSTOP);
    let heir = home.worker();
    // Its lock is held still: only the lease tells.
    let job = home.wait("another owner has it", job.id, |job| job.fence > fence);
    stale.signal(libc::SIGCONT);
    let ended = home.wait_success(job.id);
    assert_eq!(server.exec("cat /root/ran; cat /root/second"), "ran\nsecond");
    assert_eq!(home.runs(job.id), ["1.1 succeeded", "2.1 succeeded"]);
    assert_eq!((ended.fence, ended.attempt), (fence + 1, 0));
    assert_eq!(heir.wait(), Some(0));
    assert_eq!(stale.wait(), Some(0), "it finds itself out and ends in order");
}

#[test]
fn a_drained_process_leaves_the_step_running_and_uses_no_attempt() {
    let server = TestServer::ready("drain");
    let home = ToyHome::new(&server, server.port);
    let job = home.enqueue(&plan(&[printer(25), keeper()]));
    let worker = home.worker();
    home.wait_log(job.id, 1, 10_000);
    let asked = Instant::now();
    worker.signal(libc::SIGTERM);
    assert_eq!(worker.wait(), Some(0));
    println!("drained in {} ms", asked.elapsed().as_millis());
    let waiting = home.job(job.id);
    assert_eq!((waiting.state, waiting.attempt), (JobState::Queued, 0));
    assert_eq!(server.exec("systemctl list-units --plain --no-legend 'infrakt-*' | wc -l"), "1");
    let heir = home.worker();
    home.wait_success(job.id);
    assert_exact(&server, &home, job.id);
    drop(heir);
}

#[test]
fn a_cancel_ends_every_process_undoes_what_was_done_and_lets_the_next_job_start() {
    let server = TestServer::ready("cancel");
    let home = ToyHome::new(&server, server.port);
    let made = Toy::new("make", &with_job("touch /root/made")).undo("rm /root/made; echo undone >>/root/undone");
    let hang = Toy::new("hang", "trap '' TERM; (setsid sleep 7777) & echo hanging; while :; do sleep 1; done")
        .undo("echo hang >>/root/undone");
    let never = Toy::new("never", "touch /root/never");
    let job = home.enqueue(&[made, hang, never]);
    let next = home.enqueue(&[Toy::new("next", "pgrep -fx 'sleep 7777' || echo alone >/root/next")]);
    let worker = home.worker();
    home.wait_log(job.id, 2, 5);
    cancel::request(&home.db, 0, job.id, "test").unwrap();
    home.ring();
    let ended = home.wait_end(job.id);
    assert_eq!(ended.state, JobState::Cancelled, "{:?}", ended.failure);
    assert_eq!(
        home.runs(job.id),
        ["1.1 succeeded", "2.1 cancelled", "101.1 succeeded", "102.1 succeeded"],
        "{}",
        home.whole_log(job.id)
    );
    home.wait_success(next.id);
    assert_eq!(server.exec("cat /root/undone /root/next; ls /root"), "hang\nundone\nalone\nnext\nundone");
    drop(worker);
}

#[test]
fn a_failed_step_is_cleaned_up_behind_even_when_the_process_dies_meanwhile() {
    let server = TestServer::ready("undo");
    let home = ToyHome::new(&server, server.port);
    let bad =
        Toy::new("bad", "echo it goes wrong; exit 7").undo("echo undo >>/root/undo; sleep 5; echo end >>/root/undo");
    let job = home.enqueue(&[bad]);
    let worker = home.worker();
    home.wait("the clean-up is under way", job.id, |job| home.steps(job.id).iter().any(|s| s.seq == 101));
    worker.kill();
    let heir = home.worker();
    let ended = home.wait_end(job.id);
    assert_eq!(ended.state, JobState::Failed);
    assert_eq!(ended.failure.unwrap().text, "bad ended with 7: it goes wrong");
    assert_eq!(home.runs(job.id), ["1.1 failed", "101.1 succeeded"]);
    assert_eq!(server.exec("cat /root/undo"), "undo\nend");
    drop(heir);
}

#[test]
fn a_transient_failure_is_tried_again_and_holds_its_lane() {
    let server = TestServer::ready("again");
    let home = ToyHome::new(&server, server.port);
    let shaky = Toy::new("shaky", "echo x >>/root/tries; [ $(wc -l </root/tries) = 3 ] || exit 75");
    let job = home.enqueue(&[Toy::new("first", "true"), shaky]);
    let next = home.enqueue(&[Toy::new("next", "cp /root/tries /root/seen")]);
    let worker = home.worker();
    let ended = home.wait_success(job.id);
    assert_eq!(ended.attempt, 2);
    assert_eq!(home.runs(job.id), ["1.1 succeeded", "2.1 failed", "2.2 failed", "2.3 succeeded"]);
    home.wait_success(next.id);
    assert_eq!(server.exec("cat /root/seen"), "x\nx\nx", "the next job waited for it");
    drop(worker);
}

#[test]
fn a_reboot_reruns_a_harmless_step_and_asks_about_another() {
    let server = TestServer::ready("reboot");
    let home = ToyHome::new(&server, server.port);
    let harmless = Toy::new("harmless", "echo x >>/root/runs; [ -e /root/rebooted ] || sleep 100");
    let mut delicate = Toy::new("delicate", "echo y >>/root/delicate; sleep 100");
    delicate.on_lost = infrakt::domain::step::OnLost::Ask;
    let job = home.enqueue(&[harmless, delicate, Toy::new("end", "touch /root/end")]);
    let worker = home.worker();
    server.wait_until("[ -e /root/runs ]");
    server.exec("touch /root/rebooted");
    server.reboot(Reboot::Hard);
    server.wait_until("[ -e /root/delicate ]");
    server.reboot(Reboot::Soft);
    let asked = home.wait("a person is asked", job.id, |job| job.state == JobState::Attention);
    assert!(asked.failure.is_some() || asked.wait_reason.is_some(), "{asked:#?}");
    assert_eq!(home.runs(job.id), ["1.1 lost", "1.2 succeeded", "2.1 lost"]);
    assert_eq!(worker.wait(), Some(0), "nobody waits for an answer with a process");
    answer::resolve(&home.db, 0, job.id, Resolution::Done, "test").unwrap();
    let worker = home.worker();
    home.wait_success(job.id);
    assert_eq!(home.runs(job.id), ["1.1 lost", "1.2 succeeded", "2.1 lost", "2.2 succeeded", "3.1 succeeded"]);
    assert_eq!(server.exec("cat /root/delicate; ls /root/end"), "y\n/root/end");
    drop(worker);
}
