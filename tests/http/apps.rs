//! Apps over the API.

use crate::api::{Api, has_fields};
use crate::world::World;
use infrakt::domain::failure::Failure;
use infrakt::queue::finish::Ending;
use reqwest::Method;
use serde_json::json;

#[test]
fn what_cannot_be_an_app_is_refused() {
    let api = Api::of(World::new().server("a").app("web"));
    let refused = |body| api.post("/api/apps", &body);
    let app = |name: &str| json!({ "name": name, "server_name": "a", "image": "nginx:1" });
    refused(app("web")).refuses(409, "app_exists");
    refused(json!({ "name": "x", "server_name": "none", "image": "nginx:1" })).refuses(404, "server_not_found");
    assert_eq!(refused(app("x y")).faulty_fields(), ["name"]);
    assert_eq!(refused(json!({ "name": "x", "server_name": "a", "image": "a\nb" })).faulty_fields(), ["image"]);
    assert_eq!(
        refused(json!({ "name": "x", "server_name": "a", "image": "n", "domain": "" , "memory": "lots" }))
            .faulty_fields(),
        ["memory"]
    );
    refused(json!({ "name": "x", "server_name": "a" })).refuses(422, "invalid");
    let mut routed = app("one");
    routed["domain"] = json!("a.example.com");
    refused(routed.clone()).is(201);
    routed["name"] = json!("two");
    refused(routed).refuses(409, "domain_taken");
}

#[test]
fn an_app_is_changed() {
    let api = Api::of(World::new().server("a").app("web"));
    let change = json!({ "memory": "512m", "domains": ["a.example.com", "b.example.com"], "port": "8080" });
    let app = api.put("/api/apps/web", &change).is(200).json();
    assert_eq!((&app["memory"], &app["domain"], &app["port"]), (&json!("512m"), &json!("a.example.com"), &json!(8080)));
    let app = api.put("/api/apps/web", &json!({ "memory": null, "domains": [], "image": "nginx:2" })).is(200).json();
    assert_eq!((&app["memory"], &app["domain"], &app["image"]), (&json!(null), &json!(null), &json!("nginx:2")));
    assert_eq!(api.put("/api/apps/web", &json!({ "name": "x" })).faulty_fields(), ["name"]);
    api.put("/api/apps/none", &json!({ "port": 1 })).refuses(404, "app_not_found");
}

#[test]
fn all_about_an_app_in_one_call() {
    let mut api = Api::of(World::new().server("a").app("web"));
    api.ask("/api/apps/web/deploy").is(202);
    api.end_job("a", Ending::Succeeded);
    let waiting = api.ask("/api/apps/web/restart").is(202).json();
    let app = api.get("/api/apps/web").is(200).json();
    has_fields(&app, &["id", "name", "deployments", "jobs", "containers", "containers_error", "images"]);
    assert_eq!(app["deployments"][0]["log"], json!(null));
    assert_eq!((&app["jobs"][0]["id"], &app["containers"]), (&waiting["job_id"], &json!(null)));
}

#[test]
fn what_was_never_deployed_has_nothing_to_work_on() {
    let api = Api::of(World::new().server("a").app("web"));
    for what in ["restart", "stop", "start", "env/push"] {
        api.ask(&format!("/api/apps/web/{what}")).refuses(409, "not_deployed");
    }
    let gone = api.delete("/api/apps/web").is(200).json();
    assert_eq!(gone["left_on_server"], false);
    api.delete("/api/apps/web").refuses(404, "app_not_found");
}

#[test]
fn an_app_whose_server_is_gone_is_forgotten_here() {
    let mut api = Api::of(World::new().server("a").app("web"));
    api.ask("/api/apps/web/deploy").is(202);
    api.end_job("a", Ending::Succeeded);
    let gone = api.delete("/api/apps/web?local=true").is(200).json();
    assert_eq!(gone["left_on_server"], true);
    assert_eq!(api.get("/api/apps").is(200).json(), json!([]));
}

#[test]
fn a_deployment_takes_a_branch_only_of_a_repository() {
    let api = Api::of(World::new().server("a").app("web"));
    api.post("/api/apps/web/deploy", &json!({ "branch": "next" })).refuses(422, "invalid");
    let git = json!({ "name": "site", "server_name": "a", "git_repo": "https://git.example/a.git" });
    api.post("/api/apps", &git).is(201);
    let accepted = api.post("/api/apps/site/deploy", &json!({ "branch": "next" })).is(202).json();
    let deployment = api.get(&format!("/api/deployments/{}", accepted["deployment_id"])).is(200).json();
    assert_eq!((&deployment["branch"], &deployment["status"]), (&json!("next"), &json!("in_progress")));
    assert_eq!(api.post("/api/apps/site/deploy", &json!({ "commit": "xyz" })).faulty_fields(), ["commit"]);
}

#[test]
fn who_waits_is_told_how_it_ended() {
    let mut api = Api::of(World::new().server("a").app("web"));
    let asked = api.later(Method::POST, "/api/apps/web/deploy?wait=50");
    let id = api.end_next_job("a", Ending::Succeeded);
    let answer = asked.join().unwrap().is(200);
    assert_eq!(answer.json()["job_id"], id);
    let asked = api.later(Method::POST, "/api/apps/web/restart?wait=50");
    let failure = Failure::permanent("step_failed", "the step `restart` failed");
    api.end_next_job("a", Ending::Failed { failure, serving: Some(true) });
    let body = asked.join().unwrap().refuses(500, "step_failed");
    assert!(body["detail"].as_str().unwrap().contains("restart"));
}

#[test]
fn who_waits_in_vain_is_told_that_it_is_accepted() {
    let api = Api::of(World::new().server("a").app("web"));
    let answer = api.ask("/api/apps/web/deploy?wait=1").is(202);
    assert!(answer.header("location").unwrap().starts_with("/api/jobs/"));
    assert_eq!(api.ask("/api/apps/web/deploy?wait=soon").faulty_fields(), ["wait"]);
}
