//! Databases over the API: what cannot be, and which app routes take one.

use crate::api::Api;
use crate::world::World;
use infrakt::queue::finish::Ending;
use serde_json::json;

fn with_shop() -> Api {
    let mut api = Api::of(World::new().server("a").app("web"));
    api.post("/api/databases", &json!({ "server_name": "a", "name": "shop", "db_type": "postgres" })).is(202);
    api.end_job("a", Ending::Succeeded);
    api
}

#[test]
fn what_cannot_be_a_database_is_refused() {
    let api = with_shop();
    let refused = |body| api.post("/api/databases", &body);
    assert_eq!(refused(json!({ "server_name": "a", "name": "x", "db_type": "oracle" })).faulty_fields(), ["db_type"]);
    assert_eq!(refused(json!({ "server_name": "a", "name": "x" })).faulty_fields(), ["db_type"]);
    refused(json!({ "server_name": "a", "name": "shop", "db_type": "postgres" })).refuses(409, "app_exists");
    refused(json!({ "server_name": "a", "name": "web", "db_type": "postgres" })).refuses(409, "app_exists");
    refused(json!({ "server_name": "b", "name": "x", "db_type": "postgres" })).refuses(404, "server_not_found");
}

#[test]
fn of_the_routes_of_apps_logs_and_run_take_a_database() {
    let api = with_shop();
    api.ask("/api/apps/shop/deploy").refuses(409, "is_database");
    api.delete("/api/apps/shop").refuses(409, "is_database");
    api.put("/api/apps/shop", &json!({ "port": 1 })).refuses(409, "is_database");
    api.get("/api/apps/shop/env").refuses(409, "is_database");
    api.ask("/api/apps/shop/restart").is(202);
    api.get("/api/databases/web").refuses(409, "no_database");
    api.delete("/api/databases/web").refuses(409, "no_database");
    api.get("/api/databases/none").refuses(404, "database_not_found");
    assert_eq!(api.get("/api/databases/shop").is(200).json()["db_type"], "postgres");
}

#[test]
fn a_password_is_in_no_answer_but_those_that_say_so() {
    let api = with_shop();
    let credentials = api.get("/api/databases/shop/credentials").is(200).json();
    let password = credentials["password"].as_str().unwrap();
    assert!(credentials["url"].as_str().unwrap().contains(password));
    for path in [
        "/api/databases",
        "/api/databases/shop",
        "/api/apps/shop",
        "/api/jobs",
        "/api/dashboard",
        "/api/apps/shop/deployments",
    ] {
        assert!(!api.get(path).is(200).text.contains(password), "{path}");
    }
}
