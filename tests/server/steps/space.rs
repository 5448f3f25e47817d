//! Logs beyond their cap, and disks that are full.

use super::{Bench, sh};
use crate::support::server::TestServer;
use crate::support::steps::{CANCELLED, Change, Job, Seen, begun, cancel, run};
use infrakt::ssh::{Settings, StepAnswer, StepResult};

/// 5 MiB of numbered lines of 16 bytes, in 40 parts with a pause behind each.
const PRINTER: &str = "i=0; while [ $i -lt 40 ]; do j=0; while [ $j -lt 8192 ]; do printf '%07d-%07d\\n' $i $j; j=$((j+1)); done; i=$((i+1)); sleep 0.1; done";
const SIZE: i64 = 40 * 8192 * 16;

fn expected() -> Vec<u8> {
    (0..40).flat_map(|i| (0..8192).flat_map(move |j| format!("{i:07}-{j:07}\n").into_bytes())).collect()
}

/// Compares what was seen with what was printed, each byte at its place; returns how many were wrong.
fn wrong_bytes(seen: &Seen, from: i64, nul_is_right: bool) -> usize {
    let full = expected();
    let (mut at, mut rest, mut wrong) = (from as usize, seen.log.as_slice(), 0);
    let end = (seen.offset, 0);
    for (gap, len) in seen.gaps.iter().chain([&end]) {
        let (part, after) = rest.split_at(*gap as usize - at);
        wrong += part.iter().zip(&full[at..]).filter(|(a, b)| a != b && !(nul_is_right && **a == 0)).count();
        (rest, at) = (after, (*gap + *len) as usize);
    }
    assert!(rest.is_empty());
    wrong
}

#[tokio::test]
async fn a_log_beyond_its_cap_loses_its_middle_and_stays_true() {
    let bench = Bench::new("cap").await;
    bench.sh("echo SetEnv INFRAKT_LOG_MAX=1048576 >/etc/ssh/sshd_config.d/0-cap.conf; systemctl reload ssh").await;
    bench.server.wait_until("sshd -T | grep -q LOG_MAX");
    let line = bench.connect().await;
    let job = Job::new();
    let live = run(&line, job.call(1, PRINTER).limit(600)).await;
    assert!(
        matches!(live.answer, Ok(StepAnswer::Exited { result: StepResult::Success, code: 0, size: SIZE })),
        "{:?}",
        live.answer
    );
    assert_eq!((live.offset, wrong_bytes(&live, 0, true)), (SIZE, 0), "bytes punched under the reader's hand are NUL");
    let kib: i32 =
        bench.sh(&format!("du -k /var/lib/infrakt/steps/{}/log | cut -f1", job.id(1, 1))).await.parse().unwrap();
    assert!(kib < 2100, "{kib} KiB on disk");

    let late = run(&line, job.call(1, PRINTER)).await;
    late.succeeded();
    assert_eq!((late.gaps.len(), late.offset, wrong_bytes(&late, 0, false)), (1, SIZE, 0));
    assert_eq!(late.log.len() as i64 + late.gaps[0].1, SIZE);
    let inside = run(&line, job.call(1, PRINTER).from(2_000_000)).await;
    assert_eq!((inside.gaps[0].0, wrong_bytes(&inside, 2_000_000, false)), (2_000_000, 0));
    job.release(&line).await;
}

/// A client whose steps lie on a disk of 1 MiB.
async fn small_disk(name: &str) -> Bench {
    let server = TestServer::bare(name);
    server.exec("mkdir -p /srv/small; mount -t tmpfs -o size=1m tmpfs /srv/small");
    let settings = Settings { state_dir: "/srv/small/ifk".to_owned(), ..Settings::default() };
    Bench::on(server, settings).await
}

const FILL: &str = "cat /dev/zero >/srv/small/fill 2>/dev/null || :";
const MAKE_ROOM: &str = "rm -f /srv/small/fill";

#[track_caller]
fn assert_server_says(answer: &Result<StepAnswer, infrakt::ssh::LineError>) {
    assert!(matches!(answer, Ok(StepAnswer::Server(why)) if why.contains("disk full")), "{answer:?}");
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_same_id_runs_when_there_is_room() {
    let bench = small_disk("full").await;
    let line = &bench.line;
    let job = Job::new();
    run(line, job.call(1, "echo fits")).await.succeeded();
    bench.sh(FILL).await;
    assert_server_says(&run(line, job.call(2, "touch /root/RAN")).await.answer);
    assert_eq!(bench.sh("ls /root/RAN 2>/dev/null || :").await, "");
    bench.sh(MAKE_ROOM).await;
    run(line, job.call(2, "echo ran")).await.succeeded();

    let filler = "cat /dev/zero >/srv/small/fill; echo $?; exit 4";
    let seen = run(line, job.call(3, filler)).await;
    assert_eq!(seen.ended(), (StepResult::ExitCode, 4), "filled in mid-step: the result is kept");
    assert_server_says(&cancel(line, job.step(4)).await.answer);
    bench.sh(MAKE_ROOM).await;
    assert_eq!(cancel(line, job.step(4)).await.ended(), CANCELLED);
    job.release(line).await;

    let next = job.next();
    bench.sh(FILL).await;
    assert_server_says(&run(line, next.with_epoch(next.epoch + 1).call(1, "true")).await.answer);
    bench.sh(MAKE_ROOM).await;
    let next = next.with_epoch(next.epoch + 1);
    let running = begun(line, next.call(1, "cat /dev/zero >/srv/small/fill; echo >/root/full; sleep 60")).await;
    bench.server.wait_until("[ -e /root/full ]");
    assert_eq!(cancel(line, next.step(1)).await.ended(), CANCELLED, "a cancel needs no room");
    assert_eq!(running.await.unwrap().ended(), CANCELLED);
    bench.sh(MAKE_ROOM).await;
    next.release(line).await;
}

#[tokio::test]
async fn no_room_for_the_script_is_said() {
    let bench = small_disk("noroom").await;
    bench.sh(FILL).await;
    let seen = run(&bench.line, Job::new().call(1, "true")).await;
    assert!(
        matches!(&seen.answer, Ok(StepAnswer::Server(why)) if why.contains("cannot put the step script there")),
        "{seen:?}"
    );
    assert_eq!(sh(&bench.line, "ls /srv/small/ifk/bin 2>/dev/null || :", b"").await, "");
}
