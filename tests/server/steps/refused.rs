//! What the script refuses: other scripts, cut uploads, hostile words, users without root.

use super::{Bench, script_path, sh};
use crate::support::steps::{CANCELLED, Change, Job, begun, cancel, run};
use infrakt::domain::step::StepId;
use infrakt::ssh::{Exit, StepAnswer, StepRef, sha256};
use std::time::Duration;

#[tokio::test]
async fn another_script_under_the_same_id_is_never_attached_to() {
    let bench = Bench::new("mismatch").await;
    let line = &bench.line;
    let job = Job::new();
    let script = "echo A; exit 0";
    run(line, job.call(1, script)).await.succeeded();
    let other = run(line, job.call(1, "echo B")).await;
    assert_eq!(other.answer, Ok(StepAnswer::Mismatch { sha: sha256(script.as_bytes()) }));
    assert_eq!(other.text(), "");
    let by_hash = run(line, job.call(1, script).attach_only()).await;
    assert_eq!(by_hash.succeeded().text(), "A\n");
    assert_eq!(run(line, job.call(2, "x").attach_only()).await.answer, Ok(StepAnswer::Absent));

    let sent = "touch /root/RAN";
    for (what, script, announced, payload) in [
        ("a payload cut short", sent, sent.len(), 100),
        ("a script cut short", "touch /root", sent.len(), 0),
        ("other bytes than announced", "touch /root/RAM", sent.len(), 0),
    ] {
        let (inst, epoch, id, sha) = (&job.inst, job.epoch, job.id(2, 1), sha256(sent.as_bytes()));
        let call = format!("{} run {inst} {epoch} {id} {sha} 0 60 {announced} {payload}", script_path());
        let out = line.exec(&call, script.as_bytes(), Duration::from_secs(60)).await.unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!((out.status, said.contains("\"state\":\"error\"")), (Exit::Code(94), true), "{what}: {said}");
    }
    let left = "ls /root/RA? /run/infrakt /var/lib/infrakt/steps 2>/dev/null | grep -e 2-1 -e RA || :";
    assert_eq!(bench.sh(left).await, "", "nothing ran, nothing is left");
    job.release(line).await;
}

/// Quotes for the shell.
fn q(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[tokio::test]
async fn hostile_words_are_refused_by_every_verb() {
    let bench = Bench::new("hostile").await;
    let line = &bench.line;
    let job = Job::new();
    run(line, job.call(1, "true")).await.succeeded(); // uploads
    let uid = &job.uid;
    let long = format!("{}-1-1", "a".repeat(200));
    let mut ids: Vec<String> = [
        "..",
        ".",
        "-",
        "../../etc",
        "a/b",
        "a b",
        "$(touch /root/RAN)",
        "`id`",
        "a'b",
        "a\"b",
        "a\nb",
        "é",
        "a;b",
        "*",
        "",
        "-rf",
        "a%b",
        &long,
    ]
    .map(str::to_owned)
    .to_vec();
    ids.extend(["", "-1", "-x-1", "-01-1", "-1-", "--1"].map(|tail| format!("{uid}{tail}")));
    ids.push(format!("-{uid}-1-1"));
    assert_eq!(ids.len(), 25);
    for id in ids {
        let id = StepId::from_stored(id);
        let step = StepRef { inst: job.inst.clone(), epoch: job.epoch, id: id.clone() };
        let mut call = job.call(1, "true");
        call.id = id.clone();
        for (verb, answer) in [
            ("run", run(line, call).await.answer),
            ("cancel", cancel(line, step.clone()).await.answer),
            ("confirm", line.confirm_step(step.clone()).await),
            ("stat", line.stat_step(step).await),
        ] {
            assert_eq!(answer, Ok(StepAnswer::Caller("bad id".to_owned())), "{verb} {id:?}");
        }
    }
    let sha = sha256(b"true");
    let good = [&job.inst, "1", job.id(1, 1).as_str(), &sha, "0", "60", "0", "0"].map(str::to_owned);
    let mut calls = Vec::new();
    for inst in ["../x", "", "a b", "-x", "a/b"] {
        calls.push((0, inst));
    }
    for number in ["-1", "1x", "010", "", "1e3", "99999999999999999999", "$((1))"] {
        calls.extend([(1, number), (4, number), (5, number), (6, number), (7, number)]);
    }
    calls.push((5, "0")); // a limit of nothing
    for (place, word) in calls {
        let mut words = good.clone();
        words[place] = word.to_owned();
        let call = format!("{} run {}", script_path(), words.map(|word| q(&word)).join(" "));
        let out = line.exec(&call, b"", Duration::from_secs(60)).await.unwrap();
        assert_eq!(out.status, Exit::Code(92), "{call}");
    }
    assert_eq!(bench.sh("ls /root/RAN 2>/dev/null || :").await, "");
    job.release(line).await;
}

#[tokio::test]
async fn a_user_with_sudo_is_root_and_one_without_is_told() {
    let bench = Bench::new("sudo").await;
    let admin = bench.login("admin").await;
    let job = Job::new();
    let script = "id -u; echo $HOME; cat \"$INFRAKT_IN\"; head -c 300000 /dev/urandom";
    let seen = run(&admin, job.call(1, script).payload("pay\n")).await;
    assert!(seen.succeeded().log.starts_with(b"0\n/root\npay\n"));
    assert_eq!(sha256(&seen.log), bench.log_sha256(job.id(1, 1).as_str()).await);
    let running = begun(&admin, job.call(2, "sleep 60")).await;
    assert_eq!(cancel(&admin, job.step(2)).await.ended(), CANCELLED);
    assert_eq!(running.await.unwrap().ended(), CANCELLED);
    assert_eq!(sh(&admin, "id -u; cat; [ \"${SSH_CONNECTION##* }\" = 22 ] && echo 22", b"in ").await, "0\nin 22");

    let plain = bench.login("plain").await;
    let refused = run(&plain, job.call(3, "true")).await.answer;
    assert!(matches!(&refused, Ok(StepAnswer::NoSudo(line)) if line.contains("sudo")), "{refused:?}");
    let refused = plain.exec("true", b"", Duration::from_secs(60)).await;
    assert!(matches!(&refused, Err(infrakt::ssh::LineError::NoSudo(line)) if line.contains("sudo")), "{refused:?}");
    job.release(&admin).await;
}
