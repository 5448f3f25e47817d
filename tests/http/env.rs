//! Environments over the API.

use crate::api::Api;
use crate::world::World;
use infrakt::domain::failure::Failure;
use infrakt::queue::finish::Ending;
use infrakt::queue::prune::{Keep, prune};
use serde_json::json;

const MASK: &str = "\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}";

#[test]
fn variables_are_set_masked_shown_and_deleted() {
    let api = Api::of(World::new().server("a").app("web"));
    let sent = json!([{ "key": "B", "value": "two\nlines $x" }, { "key": "A", "value": "" }]);
    let set = api.post("/api/apps/web/env", &sent).is(200).json();
    assert_eq!(set, json!([{ "key": "B", "value": MASK }, { "key": "A", "value": MASK }]), "as they were sent");
    let masked = api.get("/api/apps/web/env").is(200);
    assert!(!masked.text.contains("lines"));
    assert_eq!(masked.json()[0], json!({ "key": "A", "value": MASK }));
    let shown = api.get("/api/apps/web/env?show_values=true").is(200).json();
    assert_eq!(shown, json!([{ "key": "A", "value": "" }, { "key": "B", "value": "two\nlines $x" }]));
    assert_eq!(api.get("/api/apps/web/env/B").is(200).json()["value"], "two\nlines $x");
    assert!(api.delete("/api/apps/web/env/B").is(200).json()["message"].is_string());
    api.delete("/api/apps/web/env/B").refuses(404, "variable_not_found");
    assert_eq!(api.post("/api/apps/web/env", &json!([])).is(200).json(), json!([]));
}

#[test]
fn all_or_none_is_set() {
    let api = Api::of(World::new().server("a").app("web"));
    let fields = api
        .post("/api/apps/web/env", &json!([{ "key": "A", "value": "1" }, { "key": "1-x", "value": "2" }]))
        .faulty_fields();
    assert_eq!(fields, ["key"]);
    api.post("/api/apps/web/env", &json!([{ "key": "A" }])).is(422);
    let secret = api.post("/api/apps/web/env", &json!([{ "key": "A", "value": { "x": "hunter2" } }])).is(422);
    assert!(!secret.text.contains("hunter2"), "{}", secret.text);
    assert_eq!(api.get("/api/apps/web/env").is(200).json(), json!([]));
}

#[test]
fn a_dotenv_text_is_imported() {
    let api = Api::of(World::new().server("a").app("web"));
    let set = api.post("/api/apps/web/env/import", &json!({ "content": "# x\nexport A='1 2'\nB=3\n" })).is(200).json();
    assert_eq!(set, json!([{ "key": "A", "value": MASK }, { "key": "B", "value": MASK }]));
    assert_eq!(api.get("/api/apps/web/env/A").is(200).json()["value"], "1 2");
    api.post("/api/apps/web/env/import", &json!({ "content": "nonsense" })).is(422);
    assert_eq!(
        api.post("/api/apps/web/env/import", &json!({ "content": "A=1", "text": "" })).faulty_fields(),
        ["text"]
    );
}

/// Its routes are for what is asked, and a variable may be called the same.
#[test]
fn a_variable_called_push_is_one() {
    let api = Api::of(World::new().server("a").app("web"));
    api.post("/api/apps/web/env", &json!([{ "key": "push", "value": "x" }])).is(200);
    assert_eq!(api.get("/api/apps/web/env/push").is(200).json()["value"], "x");
    api.ask("/api/apps/web/env/push").refuses(409, "not_deployed");
    api.delete("/api/apps/web/env/push").is(200);
}

#[test]
fn the_same_name_on_two_servers_needs_its_server() {
    let api = Api::of(World::new().server("a").app("web").server("b").app("web"));
    for path in ["/api/apps/web/env", "/api/apps/web/deployments", "/api/apps/web", "/api/apps/web/logs"] {
        let body = api.get(path).refuses(409, "ambiguous_app");
        let detail = body["detail"].as_str().unwrap();
        assert!(detail.contains("a/web") && detail.contains("b/web"), "{detail}");
    }
    api.post("/api/apps/web/env?server=b", &json!([{ "key": "A", "value": "1" }])).is(200);
    assert_eq!(api.get("/api/apps/web/env?server=a").is(200).json(), json!([]));
    assert_eq!(api.get("/api/apps/b%2Fweb/env").is(200).json()[0]["key"], "A");
    api.get("/api/apps/web/env?server=c").refuses(404, "server_not_found");
}

#[test]
fn what_is_not_on_the_server_is_told_against_what_was_brought_there_last() {
    let mut api = Api::of(World::new().server("a").app("web"));
    let set = |api: &Api, vars: &[(&str, &str)]| {
        let body: Vec<_> = vars.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        api.post("/api/apps/web/env", &json!(body)).is(200);
    };
    let told = |api: &Api| {
        let said = api.get("/api/apps/web/env-changes").is(200).json();
        let changes: Vec<String> = said["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{} {}", one["key"].as_str().unwrap(), one["change"].as_str().unwrap()))
            .collect();
        (changes.join(", "), said["job_id"].clone())
    };
    set(&api, &[("A", "1"), ("B", "hunter2"), ("C", "3")]);
    let unknown = json!({ "deployment_id": null, "changes": [], "job_id": null });
    assert_eq!(api.get("/api/apps/web/env-changes").is(200).json(), unknown, "nothing is on the server");
    api.ask("/api/apps/web/deploy").is(202);
    api.end_job("a", Ending::Succeeded);
    assert_eq!(told(&api), (String::new(), json!(null)));

    set(&api, &[("A", "1"), ("B", "hunter3"), ("D", "4")]);
    api.delete("/api/apps/web/env/C").is(200);
    let all = || "B changed, C removed, D added".to_owned();
    assert_eq!(told(&api), (all(), json!(null)), "A was set to what it was");
    assert!(!api.get("/api/apps/web/env-changes").text.contains("hunter"));

    // On the way is not there; what is set meanwhile is not on the way.
    let job = api.ask("/api/apps/web/env/push").is(202).json()["job_id"].clone();
    assert_eq!(told(&api), (all(), job.clone()));
    set(&api, &[("A", "2")]);
    assert_eq!(told(&api), (format!("A changed, {}", all()), json!(null)));
    set(&api, &[("A", "1")]);
    assert_eq!(told(&api), (all(), job));
    api.end_job("a", Ending::Failed { failure: Failure::permanent("test", "no"), serving: Some(true) });
    assert_eq!(told(&api), (all(), json!(null)), "a push that failed brought nothing");
    api.world.clock.advance(1_000);
    api.ask("/api/apps/web/env/push").is(202);
    api.end_job("a", Ending::Succeeded);
    assert_eq!(told(&api), (String::new(), json!(null)));

    // The job that says so is old, and not forgotten before another one says it.
    api.world.clock.advance(1_000);
    let keep = Keep { job_age_ms: 0, ..Keep::default() };
    prune(&api.world.db, api.world.now(), &keep).unwrap();
    assert_eq!(told(&api), (String::new(), json!(null)));
    set(&api, &[("B", "hunter2")]);
    let deploy = api.ask("/api/apps/web/deploy").is(202).json()["job_id"].clone();
    assert_eq!(told(&api), ("B changed".to_owned(), deploy));
    api.end_job("a", Ending::Succeeded);
    assert_eq!(told(&api), (String::new(), json!(null)), "a deploy after a push carries its own");
    set(&api, &[("B", "hunter3")]);
    assert_eq!(told(&api).0, "B changed", "also where the push had the same");
}
