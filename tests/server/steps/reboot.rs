//! Servers that reboot, with and without a warning, and a systemd that starts itself anew.

use super::{Bench, sh};
use crate::support::server::Reboot;
use crate::support::steps::{Change, Job, begun, cancel, run};
use infrakt::ssh::StepAnswer;

async fn a_reboot_loses_a_step(name: &str, how: Reboot) {
    let bench = Bench::new(name).await;
    let job = Job::new();
    let script = "echo one; touch /root/again; sleep 100; rm /root/again";
    let call = job.call(1, script).payload("CANARYPAY");
    let running = begun(&bench.line, call.clone()).await;
    bench.server.wait_until("[ -e /root/again ]");
    bench.server.reboot(how);
    let cut = running.await.unwrap();
    // systemd may stop the step before sshd: then its follower still says so
    assert!(matches!(cut.answer, Err(_) | Ok(StepAnswer::Lost { .. })), "{cut:?}");

    let line = bench.connect().await;
    sh(&line, "echo >/root/again", b"").await;
    let again = run(&line, call).await;
    assert!(matches!(again.answer, Ok(StepAnswer::Lost { size: 4 })), "{again:?}");
    assert_eq!(again.text(), "one\n", "its log is there");
    assert!(
        matches!(cancel(&line, job.step(1)).await.answer, Ok(StepAnswer::Lost { .. })),
        "nor does cancel know more"
    );
    assert_eq!(
        sh(&line, "ls /run/infrakt 2>/dev/null; cat /root/again", b"").await,
        "",
        "no payload is left, and it never ran again"
    );
    run(&line, job.call_run(1, 2, "echo two")).await.succeeded();
    job.release(&line).await;
}

#[tokio::test]
async fn a_power_cut_loses_a_step_and_never_repeats_it() {
    a_reboot_loses_a_step("hard", Reboot::Hard).await;
}

#[tokio::test]
async fn a_reboot_loses_a_step_and_never_repeats_it() {
    a_reboot_loses_a_step("soft", Reboot::Soft).await;
}

#[tokio::test]
async fn systemd_starting_itself_anew_costs_nothing() {
    let bench = Bench::new("reexec").await;
    let job = Job::new();
    // A reload that meets the start anew is refused by systemd: so one after the other, and the second until it is taken.
    let script =
        "systemctl daemon-reload; touch /root/reloaded; while [ ! -e \"$INFRAKT_CONFIRM\" ]; do sleep 0.1; done
        until systemctl daemon-reload 2>/dev/null; do sleep 0.1; done; sleep 1; rm /root/reloaded; echo end";
    let running = begun(&bench.line, job.call(1, script)).await;
    bench.server.wait_until("[ -e /root/reloaded ]");
    bench.sh("systemctl daemon-reexec").await;
    assert!(matches!(bench.line.confirm_step(job.step(1)).await, Ok(StepAnswer::Running { .. })));
    assert_eq!(running.await.unwrap().succeeded().text(), "end\n");
    job.release(&bench.line).await;
}
