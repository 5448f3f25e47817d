//! A step of which nothing is heard, on a server that lives.

use crate::driver::{Job, begun};
use crate::sshd::TestSshd;
use infrakt::ssh::{Settings, Ssh};
use std::time::Duration;

/// The processes on the "server" that follow a step.
fn followers(id: &str) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let followers = processes.filter(|process| {
        let words = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let words: Vec<_> = words.split(|byte| *byte == 0).collect();
        words.contains(&b"run".as_slice()) && words.contains(&id.as_bytes())
    });
    followers.filter_map(|process| process.file_name().to_str()?.parse().ok()).collect()
}

#[tokio::test]
async fn a_follower_that_hangs_on_a_living_server_is_replaced_and_costs_no_connection() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(Settings { silence: Duration::from_secs(2), ..sshd.settings() });
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    let script = "while [ ! -e \"$INFRAKT_CONFIRM\" ]; do echo x; sleep 0.05; done; echo confirmed";
    let running = begun(&connection, job.call(1, script)).await;
    let hung = followers(job.id(1, 1).as_str());
    assert!(!hung.is_empty());
    for pid in &hung {
        // SAFETY: a signal to a process of this test's own step.
        unsafe { libc::kill(*pid, libc::SIGSTOP) };
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while ssh.counters().followers_replaced.get() == 0 {
        assert!(tokio::time::Instant::now() < deadline && !running.is_finished(), "{:?}", ssh.counters());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    connection.confirm_step(job.step(1)).await.unwrap();
    let seen = running.await.unwrap();
    assert!(seen.succeeded().text().ends_with("x\nconfirmed\n"));
    let counters = ssh.counters();
    assert_eq!((counters.connections.get(), counters.lost.get()), (1, 0), "{counters:?}");
    job.release(&connection).await;
}
