//! Environments over the API.

use crate::api::Api;
use crate::world::World;
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
