//! Payloads: nowhere but in memory, nowhere after the end; and bodies that use docker.

use super::{Bench, script_path, sh};
use crate::support::server::TestServer;
use crate::support::steps::{CANCELLED, Change, Job, TIMED_OUT, begun, cancel, run};
use infrakt::ssh::{Connection, Settings, StepAnswer, StepResult, sha256};
use std::io::Write;
use std::process::Stdio;

/// In how many command lines, environments, units and journal lines the word stands. It goes there on stdin alone, so that the search
/// does not find itself.
async fn in_sight(line: &Connection, word: &str) -> i32 {
    let script = "read -r c; n=0; for p in /proc/[0-9]*; do for f in cmdline environ; do case $(tr '\\0' ' ' <$p/$f) in *\"$c\"*) n=$((n+1));; esac; done; done 2>/dev/null; \
                  case $(systemctl show 'infrakt-*') in *\"$c\"*) n=$((n+100));; esac; case $(journalctl --no-pager -b -o cat) in *\"$c\"*) n=$((n+1000));; esac; echo $n";
    sh(line, script, format!("{word}\n").as_bytes()).await.parse().unwrap()
}

/// The files that hold the word.
async fn in_files(line: &Connection, word: &str) -> String {
    let script = "grep -rlaF -f - /var /run /etc /root /home /tmp /srv /opt /usr/local 2>/dev/null || :";
    sh(line, script, format!("{word}\n").as_bytes()).await
}

#[tokio::test]
async fn a_payload_is_in_one_file_in_memory_while_the_step_runs_and_nowhere_afterwards() {
    let bench = Bench::new("canary").await;
    let line = &bench.line;
    let job = Job::new();
    let word = format!("CANARY{}", uuid::Uuid::new_v4().simple());
    let until = "while [ ! -e \"$INFRAKT_CONFIRM\" ]; do sleep 0.1; done";

    let running = begun(line, job.call(1, &format!("wc -c <\"$INFRAKT_IN\"; {until}")).payload(&*word)).await;
    let file = format!("/run/infrakt/{}.in", job.id(1, 1));
    assert_eq!(in_sight(line, &word).await, 0);
    assert_eq!(in_files(line, &word).await, file);
    assert_eq!(bench.sh(&format!("stat -c %a {file}; stat -fc %T {file}")).await, "600\ntmpfs");
    line.confirm_step(job.step(1)).await.unwrap();
    assert_eq!(running.await.unwrap().succeeded().text(), "38\n", "it had arrived");

    // the search does find: a control
    let control = sh(
        line,
        "read -r c; c=$c sleep 30 >/dev/null 2>&1 & sleep 0.2; tr '\\0' ' ' </proc/$!/environ",
        format!("{word}\n").as_bytes(),
    )
    .await;
    assert!(control.contains(&word), "{control}");

    // every way to end, and to be refused
    let ended = run(line, job.call(2, "kill -9 $PPID").payload(&*word)).await;
    assert_eq!(ended.ended(), (StepResult::Signal, 137));
    assert_eq!(run(line, job.call(3, "sleep 9").payload(&*word).limit(1)).await.ended(), TIMED_OUT);
    let running = begun(line, job.call(4, "sleep 60").payload(&*word)).await;
    assert_eq!(cancel(line, job.step(4)).await.ended(), CANCELLED);
    running.await.unwrap();
    cancel(line, job.step(5)).await;
    assert_eq!(run(line, job.call(5, "true").payload(&*word)).await.ended(), CANCELLED);
    assert_eq!(run(line, job.call(3, "sleep 9").payload(&*word)).await.ended(), TIMED_OUT);
    let other = run(line, job.call(3, "sleep 8").payload(&*word)).await;
    assert!(matches!(other.answer, Ok(StepAnswer::Mismatch { .. })));
    let stale = run(line, job.with_epoch(0).call(3, "sleep 8").payload(&*word)).await;
    assert!(matches!(stale.answer, Ok(StepAnswer::Stale { .. })));

    an_upload_killed_half_way(&bench, &job, &word).await;

    let line = &bench.connect().await;
    run(line, job.call(7, "true")).await.succeeded();
    assert_eq!(in_files(line, &word).await, "", "on no disk and not in memory");
    assert_eq!(in_sight(line, &word).await, 0);

    // a launch that never came off, then a cancel
    run(line, job.call(8, "true")).await.succeeded();
    let (id, lib) = (job.id(8, 1), "/var/lib/infrakt/steps");
    let undo = format!("mv {lib}/{id}/started /root/st; rm {lib}/{id}/exit; cat >/run/infrakt/{id}.in");
    sh(line, &undo, word.as_bytes()).await;
    assert_eq!(cancel(line, job.step(8)).await.ended(), CANCELLED);
    assert_eq!(in_files(line, &word).await, "");
    job.release(line).await;
}

async fn an_upload_killed_half_way(bench: &Bench, job: &Job, word: &str) {
    let (inst, epoch, id) = (&job.inst, job.epoch, job.id(6, 1));
    let call = format!("{} run {inst} {epoch} {id} {} 0 60 7 30000", script_path(), sha256(b"sleep 1"));
    let mut ssh = bench.server.ssh_command("root", bench.server.port);
    let mut client = ssh.arg(call).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let part = [b"sleep 1", word.as_bytes(), &[0; 20_000]].concat();
    client.stdin.as_mut().unwrap().write_all(&part).unwrap();
    bench.server.wait_until("grep -qs CANARY /run/infrakt/t.*/all");
    bench.server.kill_ssh();
    client.kill().unwrap();
    client.wait().unwrap();
}

#[tokio::test]
async fn a_body_builds_with_docker_and_a_cancel_stops_the_build() {
    let bench = Bench::on(TestServer::ready("docker"), Settings::default()).await;
    bench.server.wait_until("docker image inspect busybox:local >/dev/null 2>&1");
    let job = Job::new();
    let script = "set -e; d=$(mktemp -d); chmod 755 $d; cd $d; cp \"$INFRAKT_IN\" cfg; chmod 644 cfg; echo hello >f; \
                  printf 'FROM busybox:local\\nCOPY f cfg /\\nUSER 1000\\nRUN cat /f /cfg && id -u\\nCMD [\"cat\", \"/f\", \"/cfg\"]\\n' >Dockerfile; \
                  docker build --progress=plain -t ifk-test . 2>&1; docker run --rm ifk-test; git config --global user.x y; rm -rf $d; docker rmi -f ifk-test >/dev/null";
    let built = run(&bench.line, job.call(1, script).payload("pay\n").limit(300)).await;
    assert!(built.succeeded().text().ends_with("hello\npay\n"), "{}", built.text());

    let script = "d=$(mktemp -d); cd $d; printf 'FROM busybox:local\\nRUN sleep 7006\\n' >Dockerfile; docker build --progress=plain . 2>&1";
    let building = begun(&bench.line, job.call(2, script).limit(300)).await;
    bench.server.wait_until("pgrep -fx 'sleep 7006'");
    assert_eq!(cancel(&bench.line, job.step(2)).await.ended(), CANCELLED);
    assert_eq!(building.await.unwrap().ended(), CANCELLED);
    bench.server.wait_until("! pgrep -fx 'sleep 7006'");
    job.release(&bench.line).await;
}
