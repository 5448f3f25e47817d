//! The contract with clients of the first release: its paths, parameters and fields, and what its page reads.

use crate::api::{Api, has_fields};
use crate::world::World;
use infrakt::queue::finish::Ending;
use serde_json::json;

const SERVER: &[&str] = &[
    "id",
    "name",
    "host",
    "user",
    "port",
    "ssh_key_path",
    "status",
    "provider",
    "created_at",
    "updated_at",
    "app_count",
];
const APP: &[&str] = &[
    "id",
    "name",
    "server_id",
    "server_name",
    "domain",
    "port",
    "git_repo",
    "branch",
    "image",
    "status",
    "app_type",
    "created_at",
    "updated_at",
];
const DEPLOYMENT: &[&str] = &["id", "app_id", "commit_hash", "status", "log", "started_at", "finished_at"];
const DATABASE: &[&str] = &["id", "name", "server_name", "db_type", "port", "status"];

#[test]
fn the_dashboard_has_its_counts_and_last_deployments_with_their_apps() {
    let mut api = Api::of(World::new().server("a").app("web").app("api"));
    api.ask("/api/apps/web/deploy").is(202);
    api.end_job("a", Ending::Succeeded);
    let dashboard = api.get("/api/dashboard").is(200).json();
    let counts = ["total_servers", "active_servers", "total_apps", "running_apps", "total_databases"];
    assert_eq!(counts.map(|name| dashboard[name].as_i64().unwrap()), [1, 0, 2, 1, 0]);
    let deployment = &dashboard["recent_deployments"][0];
    has_fields(deployment, DEPLOYMENT);
    assert_eq!((&deployment["app_name"], &deployment["status"]), (&json!("web"), &json!("success")));
    assert!(deployment["started_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_server_is_added_as_its_page_adds_one_listed_and_removed() {
    let api = Api::of(World::new());
    let form = json!({ "name": "prod-1", "host": "203.0.113.7", "user": "root", "port": 2222, "ssh_key_path": "", "provider": "" });
    let server = api.post("/api/servers", &form).is(201).json();
    has_fields(&server, SERVER);
    assert_eq!(server["status"], "inactive");
    assert_eq!(
        (&server["ssh_key_path"], &server["provider"], &server["port"]),
        (&json!(null), &json!(null), &json!(2222))
    );
    assert_eq!(server["host_key"], json!(null), "nobody was contacted");
    let listed = api.get("/api/servers").is(200).json();
    assert_eq!(listed, json!([server]));
    let gone = api.delete("/api/servers/prod-1").is(200).json();
    assert!(gone["message"].is_string());
    assert_eq!(api.get("/api/servers").is(200).json(), json!([]));
}

#[test]
fn servers_go_by_name_and_numbers_may_come_as_text() {
    let api = Api::of(World::new());
    for (name, port) in [("b", json!("22")), ("a", json!(22.0)), ("c", json!(22))] {
        api.post("/api/servers", &json!({ "name": name, "host": "h", "user": "root", "port": port })).is(201);
    }
    let names: Vec<_> =
        api.get("/api/servers").is(200).json().as_array().unwrap().iter().map(|s| s["name"].clone()).collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn what_it_does_not_know_is_ignored_with_a_warning() {
    let api = Api::of(World::new());
    let answer = api.post("/api/servers", &json!({ "name": "a", "host": "h", "colour": "red" })).is(201);
    assert!(answer.header("warning").unwrap().contains("colour"), "{:?}", answer.headers);
}

#[test]
fn an_app_is_recorded_and_listed_without_databases() {
    let api = Api::of(World::new().server("b").server("a"));
    let web =
        json!({ "name": "web", "server_name": "a", "image": "nginx:1", "domain": "web.example.com", "port": 8080 });
    let app = api.post("/api/apps", &web).is(201).json();
    has_fields(&app, APP);
    assert_eq!((&app["app_type"], &app["status"], &app["port"]), (&json!("image"), &json!("stopped"), &json!(8080)));
    let git = json!({ "name": "api", "server_name": "b", "git_repo": "https://git.example/a.git", "branch": "next" });
    let app = api.post("/api/apps", &git).is(201).json();
    assert_eq!((&app["app_type"], &app["branch"], &app["port"]), (&json!("git"), &json!("next"), &json!(3000)));
    api.post("/api/databases", &json!({ "server_name": "a", "name": "shop", "db_type": "redis" })).is(202);
    let names = |path: &str| -> Vec<String> {
        let list = api.get(path).is(200).json();
        list.as_array()
            .unwrap()
            .iter()
            .map(|app| format!("{}/{}", app["server_name"].as_str().unwrap(), app["name"].as_str().unwrap()))
            .collect()
    };
    assert_eq!(names("/api/apps"), ["a/web", "b/api"]);
    assert_eq!(names("/api/apps?server=b"), ["b/api"]);
    assert_eq!(names("/api/apps?server=none"), Vec::<String>::new());
    assert_eq!(names("/api/databases"), ["a/shop"]);
}

/// As there: the image goes before a repository, and the branch that its page always sends does no harm.
#[test]
fn an_image_goes_before_a_repository() {
    let api = Api::of(World::new().server("a"));
    let both = json!({ "name": "one", "server_name": "a", "git_repo": "https://git.example/a.git", "branch": "main", "image": "nginx:1" });
    let answer = api.post("/api/apps", &both).is(201);
    assert_eq!(answer.json()["app_type"], "image");
    assert!(answer.header("warning").unwrap().contains("git_repo"));
    let image = json!({ "name": "two", "server_name": "a", "branch": "main", "image": "nginx:1" });
    assert_eq!(api.post("/api/apps", &image).is(201).header("warning"), None);
}

#[test]
fn a_deploy_needs_no_body_and_says_its_deployment() {
    let mut api = Api::of(World::new().server("a").app("web"));
    let answer = api.ask("/api/apps/web/deploy").is(202);
    let accepted = answer.json();
    has_fields(&accepted, &["message", "deployment_id", "job_id"]);
    assert_eq!(answer.header("location").unwrap(), format!("/api/jobs/{}", accepted["job_id"]));
    api.end_job("a", Ending::Succeeded);
    let list = api.get("/api/apps/web/deployments").is(200).json();
    has_fields(&list[0], DEPLOYMENT);
    assert_eq!((&list[0]["id"], &list[0]["app_name"]), (&accepted["deployment_id"], &json!("web")));
    let apps = api.get("/api/apps").is(200).json();
    assert_eq!(apps[0]["status"], "running");
    for what in ["restart", "stop"] {
        has_fields(&api.ask(&format!("/api/apps/web/{what}")).is(202).json(), &["message", "job_id"]);
        api.end_job("a", Ending::Succeeded);
    }
    assert_eq!(api.get("/api/apps").is(200).json()[0]["status"], "stopped");
    has_fields(&api.delete("/api/apps/web").is(202).json(), &["message", "job_id"]);
    api.end_job("a", Ending::Succeeded);
    assert_eq!(api.get("/api/apps").is(200).json(), json!([]));
}

#[test]
fn a_database_is_made_with_its_password_and_listed() {
    let mut api = Api::of(World::new().server("a"));
    let asked = json!({ "server_name": "a", "name": "shop", "db_type": "postgres", "version": "16" });
    let created = api.post("/api/databases", &asked).is(202).json();
    has_fields(&created, &["message", "password", "job_id"]);
    api.end_job("a", Ending::Succeeded);
    let list = api.get("/api/databases?server=a").is(200).json();
    has_fields(&list[0], DATABASE);
    assert_eq!(
        (&list[0]["db_type"], &list[0]["port"], &list[0]["status"]),
        (&json!("postgres"), &json!(5432), &json!("running"))
    );
    let credentials = api.get("/api/databases/shop/credentials").is(200).json();
    assert_eq!(credentials["password"], created["password"]);
    has_fields(&api.delete("/api/databases/shop?server=a").is(202).json(), &["message"]);
    api.end_job("a", Ending::Succeeded);
    assert_eq!(api.get("/api/databases").is(200).json(), json!([]));
}

#[test]
fn routes_come_go_and_one_that_is_not_there_is_gone() {
    let mut api = Api::of(World::new().server("a"));
    let route = json!({ "domain": "web.example.com", "port": 8080, "server_name": "a" });
    has_fields(&api.post("/api/proxy/routes", &route).is(202).json(), &["message", "job_id"]);
    let list = api.get("/api/proxy/a/domains").is(200).json();
    assert_eq!((&list[0]["domain"], &list[0]["port"]), (&json!("web.example.com"), &json!(8080)));
    api.end_job("a", Ending::Succeeded);
    api.delete("/api/proxy/a/domains/web.example.com").is(202);
    api.end_job("a", Ending::Succeeded);
    assert_eq!(api.get("/api/proxy/a/domains").is(200).json(), json!([]));
    has_fields(&api.delete("/api/proxy/a/domains/web.example.com").is(200).json(), &["message"]);
    has_fields(&api.ask("/api/proxy/a/reload").is(202).json(), &["message"]);
}
