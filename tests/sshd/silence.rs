//! A step of which nothing is heard, on a server that lives.

use crate::driver::Job;
use crate::sshd::TestSshd;
use infrakt::ssh::{Frame, Settings, Ssh, StepAnswer, StepResult};
use std::time::Duration;
use tokio::sync::mpsc;

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

/// Reads on until the log says it; nothing may be missing before it.
async fn hear(frames: &mut mpsc::Receiver<Frame>, log: &mut Vec<u8>, word: &str) {
    let reading = async {
        while !String::from_utf8_lossy(log).contains(word) {
            match frames.recv().await {
                Some(Frame::Data { offset, bytes }) => {
                    assert_eq!(offset, log.len() as i64, "a hole in the log");
                    log.extend(bytes);
                }
                Some(Frame::Beat) => {}
                other => panic!("{other:?} and no `{word}`"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reading).await.unwrap_or_else(|_| panic!("no `{word}` in a minute"));
}

#[tokio::test]
async fn a_follower_that_hangs_on_a_living_server_is_replaced_and_costs_no_connection() {
    let sshd = TestSshd::start();
    let ssh = Ssh::with(Settings { silence: Duration::from_secs(2), ..sshd.settings() });
    let connection = ssh.connect(&sshd.target()).await.unwrap();
    let job = Job::new();
    let dir = tempfile::tempdir().unwrap();
    let mark = dir.path().join("mark");
    let says = format!("echo x; [ ! -e '{}' ] || echo marked; sleep 0.05", mark.display());
    let call = job.call(1, &format!("while [ ! -e \"$INFRAKT_CONFIRM\" ]; do {says}; done; echo confirmed"));
    let (to, mut frames) = mpsc::channel(8);
    let running = tokio::spawn({
        let connection = connection.clone();
        async move { connection.run_step(call, to).await }
    });
    let mut log = Vec::new();
    hear(&mut frames, &mut log, "x\n").await;
    let hung = followers(job.id(1, 1).as_str());
    assert!(!hung.is_empty());
    for pid in &hung {
        // SAFETY: a signal to a process of this test's own step.
        unsafe { libc::kill(*pid, libc::SIGSTOP) };
    }
    // What is written from here on only another follower can bring.
    std::fs::write(&mark, "").unwrap();
    hear(&mut frames, &mut log, "marked\n").await;
    assert!(ssh.counters().followers_replaced.get() > 0, "{:?}", ssh.counters());
    connection.confirm_step(job.step(1)).await.unwrap();
    hear(&mut frames, &mut log, "confirmed\n").await;
    while frames.recv().await.is_some() {}
    let answer = running.await.unwrap();
    let succeeded = matches!(answer, Ok(StepAnswer::Exited { result: StepResult::Success, code: 0, .. }));
    assert!(succeeded && log.ends_with(b"marked\nconfirmed\n"), "{answer:?} {}", String::from_utf8_lossy(&log));
    let counters = ssh.counters();
    assert_eq!((counters.connections.get(), counters.lost.get()), (1, 0), "{counters:?}");
    job.release(&connection).await;
}
