//! Jobs over the API.

use crate::api::{Api, has_fields};
use crate::world::World;
use infrakt::domain::failure::Failure;
use infrakt::queue::finish::Ending;
use serde_json::{Value, json};

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect()
}

#[test]
fn jobs_are_listed_by_what_is_asked_for() {
    let mut api = Api::of(World::new().server("a").app("web").server("b").app("api"));
    api.ask("/api/apps/web/deploy").is(202);
    api.end_job("a", Ending::Succeeded);
    api.ask("/api/apps/api/deploy").is(202);
    api.ask("/api/servers/b/provision").is(202);
    let listed = |query: &str| ids(&api.get(&format!("/api/jobs{query}")).is(200).json());
    assert_eq!(listed(""), [3, 2, 1]);
    assert_eq!(listed("?active=true"), [3, 2]);
    assert_eq!(listed("?server=b"), [3, 2]);
    assert_eq!(listed("?app=web"), [1]);
    assert_eq!(listed("?state=succeeded"), [1]);
    assert_eq!(listed("?state=running"), Vec::<i64>::new());
    assert_eq!(api.get("/api/jobs?state=odd").faulty_fields(), ["state"]);
    api.get("/api/jobs?server=c").refuses(404, "server_not_found");
    let page = api.get("/api/jobs?limit=2").is(200);
    assert_eq!(ids(&page.json()), [3, 2]);
    let next = page.header("link").unwrap().split(['<', '>']).nth(1).unwrap().to_owned();
    assert_eq!(ids(&api.get(&next).is(200).json()), [1]);
}

#[test]
fn a_job_says_its_steps_why_it_waits_and_who_ran_it() {
    let mut api = Api::of(World::new().server("a").app("web"));
    let first = api.ask("/api/servers/a/provision").is(202).json()["job_id"].as_i64().unwrap();
    let second = api.ask("/api/apps/web/deploy").is(202).json()["job_id"].as_i64().unwrap();
    let claim = api.world.claim("a");
    api.world.done(&claim, 1, "one");
    let job = api.get(&format!("/api/jobs/{first}")).is(200).json();
    let names = [
        "id",
        "kind",
        "server_name",
        "app_name",
        "deployment_id",
        "state",
        "reason",
        "waiting_for",
        "attempt",
        "created_at",
        "started_at",
        "finished_at",
        "requested_by",
        "steps",
        "attempts",
    ];
    has_fields(&job, &names);
    has_fields(&job["steps"][0], &["name", "state", "started_at", "finished_at", "exit_code", "runs"]);
    assert_eq!((&job["state"], &job["steps"][0]["name"]), (&json!("running"), &json!("one")));
    assert_eq!(job["attempts"].as_array().unwrap().len(), 1);
    let behind = api.get(&format!("/api/jobs/{second}")).is(200).json();
    assert_eq!((&behind["waiting_for"]["why"], &behind["waiting_for"]["job_id"]), (&json!("behind"), &json!(first)));
    api.world.finish(&claim, Ending::Succeeded);
    api.get("/api/jobs/99").refuses(404, "job_not_found");
}

#[test]
fn a_job_is_cancelled_once() {
    let mut api = Api::of(World::new().server("a").app("web"));
    let id = api.ask("/api/apps/web/deploy").is(202).json()["job_id"].as_i64().unwrap();
    assert_eq!(api.ask(&format!("/api/jobs/{id}/cancel")).is(200).json()["state"], "cancelled");
    api.ask(&format!("/api/jobs/{id}/cancel")).refuses(409, "job_ended");
    let id = api.ask("/api/apps/web/deploy").is(202).json()["job_id"].as_i64().unwrap();
    let claim = api.world.claim("a");
    api.world.begin(&claim, 1, "one");
    assert_eq!(api.ask(&format!("/api/jobs/{id}/cancel")).is(202).json()["state"], "cancelling");
    assert_eq!(api.get(&format!("/api/jobs/{id}")).is(200).json()["state"], "cancelling");
    api.world.finish(&claim, Ending::Cancelled);
    api.ask("/api/jobs/99/cancel").refuses(404, "job_not_found");
}

#[test]
fn a_failed_job_is_tried_again() {
    let mut api = Api::of(World::new().server("a").app("web"));
    api.ask("/api/apps/web/deploy").is(202);
    let failure = Failure::permanent("step_failed", "the step failed");
    let failed = api.end_job("a", Ending::Failed { failure, serving: Some(false) });
    let answer = api.ask(&format!("/api/jobs/{failed}/retry")).is(202);
    let retried = answer.json();
    has_fields(&retried, &["message", "job_id", "deployment_id", "kept", "starts_over"]);
    assert_eq!(answer.header("location").unwrap(), format!("/api/jobs/{}", retried["job_id"]));
    let job = api.get(&format!("/api/jobs/{}", retried["job_id"])).is(200).json();
    assert_eq!(job["retry_of"], failed);
    let id = retried["job_id"].as_i64().unwrap();
    api.ask(&format!("/api/jobs/{id}/retry")).refuses(409, "not_retryable");
}

#[test]
fn a_waiting_job_is_bumped_and_asks_nothing() {
    let api = Api::of(World::new().server("a").app("web").app("api"));
    api.ask("/api/apps/web/deploy").is(202);
    let second = api.ask("/api/apps/api/deploy").is(202).json()["job_id"].as_i64().unwrap();
    let bumped = api.ask(&format!("/api/jobs/{second}/bump")).is(200).json();
    assert_eq!(bumped["waiting_for"]["job_id"], json!(null));
    api.post(&format!("/api/jobs/{second}/resolve"), &json!({ "resolution": "done" })).refuses(409, "no_question");
    let fields = api.post(&format!("/api/jobs/{second}/resolve"), &json!({ "resolution": "perhaps" })).faulty_fields();
    assert_eq!(fields, ["resolution"]);
    assert_eq!(api.post(&format!("/api/jobs/{second}/resolve"), &json!({})).faulty_fields(), ["resolution"]);
}
