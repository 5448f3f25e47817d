//! The decision, one line a situation: `steps | what is asked of the job -> next`.

use super::*;
use crate::domain::job::{JobKind, JobState};
use crate::domain::plan::StoredStep;
use std::fmt::Write;

fn job() -> Job {
    Job {
        id: 7,
        uid: "u".into(),
        kind: JobKind::Deploy,
        title: "deploy web".into(),
        lane: "srv:1".into(),
        server_id: Some(1),
        app_id: None,
        deployment_id: None,
        server_name: "prod-1".into(),
        app_name: None,
        priority: 2,
        state: JobState::Running,
        run_at: 0,
        wait_reason: None,
        args: "{}".into(),
        args_version: 1,
        plan: None,
        plan_version: None,
        attempt: 0,
        max_attempts: 5,
        rescues: 0,
        fence: 1,
        worker: Some("w".into()),
        lease_until: Some(1),
        cancel_at: None,
        cancel_by: None,
        resolution: None,
        unique_key: None,
        coalesce_key: None,
        retry_of: None,
        prev_status: None,
        requested_by: "test".into(),
        created_at: 0,
        started_at: None,
        finished_at: None,
        result: None,
        failure: None,
    }
}

/// `steps`: words `<seq>.<run><state>`, such as `1.1succeeded`; `asked`: `cancel`, `failed`, `done`, `rerun`, `fail`.
fn check(steps: &str, asked: &str, ours: bool) -> String {
    let plan = StoredPlan {
        steps: [("fetch", OnLost::Rerun), ("start", OnLost::Verify), ("route", OnLost::Ask)]
            .map(|(name, on_lost)| StoredStep { name: name.into(), script_sha256: "h".into(), on_lost })
            .into(),
    };
    let mut job = job();
    for word in asked.split_whitespace() {
        match word {
            "cancel" => job.cancel_at = Some(1),
            "failed" => job.failure = Some(Failure::permanent("image_missing", "no image")),
            word => job.resolution = Some(word.parse().unwrap()),
        }
    }
    let rows: Vec<JobStep> = steps
        .split_whitespace()
        .map(|word| {
            let (at, state) = word.split_at(word.find(|c: char| c.is_ascii_alphabetic()).unwrap());
            let (seq, run) = at.split_once('.').unwrap();
            let seq: i32 = seq.parse().unwrap();
            JobStep {
                job_id: 7,
                seq,
                run: run.parse().unwrap(),
                name: format!("s{seq}"),
                remote_id: String::new(),
                script_sha256: "h".into(),
                on_lost: plan.steps.get(seq as usize - 1).map_or(OnLost::Rerun, |s| s.on_lost),
                fence: 1,
                state: state.parse().unwrap(),
                log_off: 0,
                started_at: 0,
                finished_at: None,
                exit_code: None,
                exit_reason: None,
                output: None,
            }
        })
        .collect();
    let undoable = |seq: i32| seq != 3;
    let situation = Situation { job: &job, steps: &rows, plan: &plan, undoable: &undoable, plan_is_ours: ours };
    match situation.next() {
        Next::Begin { seq, run } => format!("begin {seq}.{run}"),
        Next::Attach { seq, run } => format!("attach {seq}.{run}"),
        Next::Cancel { seq, run } => format!("cancel {seq}.{run}"),
        Next::Verify { seq, run } => format!("verify {seq}.{run}"),
        Next::CountAsDone { seq, run } => format!("count as done {seq}.{run}"),
        Next::Fail(f) => format!("fail {}", f.class_and_code()),
        Next::Ask(f) => format!("ask {}", f.code),
        Next::Finish(Verdict::Succeeded) => "finish succeeded".into(),
        Next::Finish(Verdict::Failed(f)) => format!("finish failed {}", f.class_and_code()),
        Next::Finish(Verdict::Cancelled) => "finish cancelled".into(),
    }
}

#[test]
fn the_next_move_in_each_situation() {
    let mut out = String::new();
    for (steps, asked) in [
        ("", ""),
        ("1.1started", ""),
        ("1.1succeeded", ""),
        ("1.1skipped 2.1started", ""),
        ("1.1failed", ""),
        ("1.1lost", ""),
        ("1.1succeeded 2.1lost", ""),
        ("1.1succeeded 2.1lost", "done"),
        ("1.1succeeded 2.1succeeded 3.1lost", ""),
        ("1.1succeeded 2.1succeeded 3.1lost", "rerun"),
        ("1.1succeeded 2.1succeeded 3.1lost", "done"),
        ("1.1succeeded 2.1succeeded 3.1lost", "fail"),
        ("1.1succeeded 2.1started", "done"),
        ("1.1succeeded 2.1started", "rerun"),
        ("1.1succeeded 2.1succeeded 3.1succeeded", ""),
        ("", "cancel"),
        ("1.1started", "cancel"),
        ("1.1cancelled", "cancel"),
        ("1.1cancelled 101.1started", "cancel"),
        ("1.1cancelled 101.1succeeded", "cancel"),
        ("1.1succeeded 2.1cancelled", "cancel"),
        ("1.1succeeded 2.1cancelled 102.1succeeded", "cancel"),
        ("1.1succeeded 2.1cancelled 102.1failed", "cancel"),
        ("1.1succeeded 2.1cancelled 102.3failed", "cancel"),
        ("1.1succeeded 2.1cancelled 102.3failed", "cancel done"),
        ("1.1succeeded 2.1cancelled 102.3failed", "cancel rerun"),
        ("1.1succeeded 2.1cancelled 102.3failed", "cancel fail"),
        ("1.1succeeded 2.1failed", "failed"),
        ("1.1succeeded 2.1failed 102.1lost", "failed"),
        ("1.1succeeded 2.1failed 102.3failed", "failed"),
        ("1.1succeeded 2.1failed 102.3failed 101.1succeeded", "failed"),
        ("1.1succeeded 2.1succeeded 3.1failed 102.1succeeded 101.1succeeded", "failed"),
        ("1.1started", "failed cancel"),
    ] {
        writeln!(out, "{steps} | {asked} -> {}", check(steps, asked, true)).unwrap();
    }
    insta::assert_snapshot!(out);
}

#[test]
fn a_foreign_plan_is_finished_where_it_is_and_not_gone_on_with() {
    assert_eq!(check("1.1started", "", false), "attach 1.1");
    assert_eq!(check("1.1succeeded", "", false), "fail permanent/plan_unknown");
    assert_eq!(check("1.1succeeded 2.1succeeded 3.1succeeded", "", false), "finish succeeded");
    assert_eq!(check("1.1succeeded 2.1started", "cancel", false), "cancel 2.1");
}
