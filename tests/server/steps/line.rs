//! Steps behind lines that hold, break and drop.

use super::Bench;
use crate::support::proxy::Proxy;
use crate::support::server::TestServer;
use crate::support::steps::{Change, Job, Seen, begun, run};
use infrakt::ssh::{LineError, Settings, StepAnswer, StepCall, StepResult, sha256};
use std::time::Duration;

/// 6 MB in some seconds: more than the windows and buffers of a connection hold.
const SIX_MB: &str = "i=0; while [ $i -lt 60 ]; do i=$((i+1)); head -c 100000 /dev/urandom; sleep 0.05; done";

async fn bench(name: &str) -> Bench {
    // the outages last as long as the machine takes for six megabytes
    let patient = Settings { silence: Duration::from_secs(60), ..Settings::default() };
    Bench::on(TestServer::bare(name), patient).await
}

/// Waits on the server itself until the step has written all of it.
fn wait_for_all(bench: &Bench, id: &str) {
    bench.server.wait_until(&format!("[ $(stat -c %s /var/lib/infrakt/steps/{id}/log) = 6000000 ]"));
}

/// Attaches where a broken line stopped, until the step is over.
async fn follow_on(bench: &Bench, call: StepCall, mut seen: Seen) -> Vec<u8> {
    let mut log = std::mem::take(&mut seen.log);
    while !matches!(seen.answer, Ok(StepAnswer::Exited { .. })) {
        assert!(matches!(seen.answer, Err(LineError::Lost(_) | LineError::Silent(_))), "{:?}", seen.answer);
        let line = bench.connect().await;
        seen = run(&line, call.clone().attach_only().from(log.len() as i64)).await;
        log.append(&mut seen.log);
    }
    assert_eq!(seen.ended(), (StepResult::Success, 0));
    log
}

#[tokio::test]
async fn a_line_that_holds_its_bytes_for_a_while_loses_none() {
    let bench = bench("hole").await;
    let proxy = Proxy::to_port(bench.server.port);
    let line = bench.ssh.connect(&bench.through(proxy.port())).await.unwrap();
    let job = Job::new();
    let id = job.id(1, 1);
    let running = begun(&line, job.call(1, SIX_MB)).await;
    proxy.freeze();
    wait_for_all(&bench, id.as_str()); // the step goes on behind the hole
    proxy.heal();
    let log = follow_on(&bench, job.call(1, SIX_MB), running.await.unwrap()).await;
    assert_eq!(sha256(&log), bench.log_sha256(id.as_str()).await);
    job.release(&bench.line).await;
}

#[tokio::test]
async fn a_line_reset_in_the_middle_of_a_hole_is_taken_up_at_the_byte() {
    let bench = bench("reset").await;
    let proxy = Proxy::to_port(bench.server.port);
    let line = bench.ssh.connect(&bench.through(proxy.port())).await.unwrap();
    let job = Job::new();
    let running = begun(&line, job.call(1, SIX_MB)).await;
    proxy.swallow();
    bench.server.wait_until(&format!("[ $(stat -c %s /var/lib/infrakt/steps/{}/log) -gt 2000000 ]", job.id(1, 1)));
    proxy.reset();
    proxy.heal();
    let seen = running.await.unwrap();
    assert!(matches!(seen.answer, Err(LineError::Lost(_))), "{:?}", seen.answer);
    let log = follow_on(&bench, job.call(1, SIX_MB), seen).await;
    assert_eq!(sha256(&log), bench.log_sha256(job.id(1, 1).as_str()).await);
    job.release(&bench.line).await;
}

#[tokio::test]
async fn dropped_packets_lose_no_byte() {
    let bench = bench("drop").await;
    let job = Job::new();
    let running = begun(&bench.line, job.call(1, SIX_MB)).await;
    let outage = bench.server.cut();
    wait_for_all(&bench, job.id(1, 1).as_str());
    drop(outage);
    let log = follow_on(&bench, job.call(1, SIX_MB), running.await.unwrap()).await;
    let line = bench.connect().await;
    let there = super::sh(&line, &format!("sha256sum </var/lib/infrakt/steps/{}/log", job.id(1, 1)), b"").await;
    assert!(there.starts_with(&sha256(&log)), "{} bytes", log.len());
    job.release(&line).await;
}

#[tokio::test]
async fn a_frozen_server_is_found_out_and_taken_up_again() {
    let short = Settings { silence: Duration::from_secs(8), ..Settings::default() };
    let bench = Bench::on(TestServer::bare("frozen"), short).await;
    let job = Job::new();
    let script = "while [ ! -e \"$INFRAKT_CONFIRM\" ]; do echo x; sleep 0.2; done";
    let running = begun(&bench.line, job.call(1, script)).await;
    let frozen = bench.server.freeze();
    let seen = running.await.unwrap();
    assert_eq!(seen.answer, Err(LineError::Silent("a running step")));
    drop(frozen);
    let line = bench.connect().await;
    let attached = begun(&line, job.call(1, script).attach_only().from(seen.offset)).await;
    line.confirm_step(job.step(1)).await.unwrap();
    let rest = attached.await.unwrap();
    let log = [seen.log.as_slice(), &rest.succeeded().log].concat();
    let there = super::sh(&line, &format!("sha256sum </var/lib/infrakt/steps/{}/log", job.id(1, 1)), b"").await;
    assert!(there.starts_with(&sha256(&log)), "{} bytes", log.len());
    job.release(&line).await;
}
