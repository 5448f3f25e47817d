//! Servers over the API: what cannot be, what is not there, what does not answer.

use crate::api::Api;
use crate::sshd::{Mode, TestSshd, keygen};
use crate::world::World;
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;

/// Nobody listens on port 1.
fn unreachable() -> Api {
    let api = Api::of(World::new());
    api.post("/api/servers", &json!({ "name": "down", "host": "127.0.0.1", "port": 1 })).is(201);
    api
}

#[test]
fn what_cannot_be_is_said_with_its_field() {
    let api = Api::of(World::new().server("a"));
    let fields = |body| api.post("/api/servers", &body).faulty_fields();
    assert_eq!(fields(json!({ "name": "x y", "host": "h" })), ["name"]);
    assert_eq!(fields(json!({ "name": "x", "host": "h", "port": 70000 })), ["port"]);
    assert_eq!(fields(json!({ "name": "x", "host": "h", "ssh_key_path": "id" })), ["ssh_key_path"]);
    assert_eq!(fields(json!({ "name": "x" })), ["host"]);
    api.post("/api/servers", &json!({ "name": "a", "host": "h" })).refuses(409, "server_exists");
    assert_eq!(
        api.put("/api/servers/a", &json!({ "colour": "red" })).faulty_fields(),
        ["colour"],
        "a new call knows its fields"
    );
    assert_eq!(api.put("/api/servers/a", &json!({ "name": "x y" })).faulty_fields(), ["name"]);
    api.put("/api/servers/a", &json!({})).is(422);
}

#[test]
fn a_new_server_shows_its_key_before_anything_is_recorded() {
    let api = Api::of(World::new().server("a"));
    let sshd = TestSshd::start();
    let fingerprint = sshd.host_key("ed25519").fingerprint;
    let new = json!({
        "name": "prod-1", "host": "127.0.0.1", "port": sshd.addr.port(), "user": sshd.user,
        "ssh_key_path": sshd.path("id").to_str().unwrap(),
    });
    let with = |name: &str, value: serde_json::Value| {
        let mut body = new.clone();
        body[name] = value;
        body
    };
    let seen = api.post("/api/host-key", &new).is(200).json();
    assert_eq!(seen, json!({ "key_type": "ssh-ed25519", "fingerprint": fingerprint }));
    api.get("/api/servers/prod-1").is(404);

    let asked = sshd.faults.connections.load(SeqCst);
    api.post("/api/host-key", &with("name", json!("a"))).refuses(409, "server_exists");
    let fields = |name, value| api.post("/api/host-key", &with(name, value)).faulty_fields();
    assert_eq!(fields("name", json!("x y")), ["name"]);
    assert_eq!(fields("host", json!("x y")), ["host"]);
    assert_eq!(fields("port", json!("ssh")), ["port"]);
    assert_eq!(fields("ssh_key_path", json!("id")), ["ssh_key_path"]);
    assert_eq!(fields("colour", json!("red")), ["colour"]);
    assert_eq!(sshd.faults.connections.load(SeqCst), asked, "what cannot be recorded is not asked for its key");

    // Another one than was agreed to; the agreed one without a login; then both.
    api.post("/api/servers", &with("fingerprint", json!("SHA256:x"))).refuses(409, "host_key_mismatch");
    keygen(&sshd.path("other"), "ed25519", "");
    sshd.authorize(&["other"]);
    api.post("/api/servers", &with("fingerprint", json!(fingerprint))).refuses(502, "login_refused");
    api.get("/api/servers/prod-1").is(404);
    sshd.authorize(&["id"]);
    let added = api.post("/api/servers", &with("fingerprint", json!(fingerprint))).is(201).json();
    assert_eq!(added["host_key"], seen);

    sshd.faults.set(Mode::Refuse);
    api.post("/api/host-key", &with("name", json!("prod-2"))).is(502);
}

#[test]
fn what_is_not_there_is_a_404() {
    let api = Api::of(World::new().server("prod"));
    for path in
        ["/api/servers/prid", "/api/servers/prid/status", "/api/servers/prid/fingerprint", "/api/proxy/prid/status"]
    {
        api.get(path).refuses(404, "server_not_found");
    }
    for path in ["/api/servers/x/provision", "/api/servers/x/test", "/api/proxy/x/reload", "/api/proxy/x/setup"] {
        api.ask(path).refuses(404, "server_not_found");
    }
    api.delete("/api/servers/x").refuses(404, "server_not_found");
}

#[test]
fn a_server_that_does_not_answer_is_a_502() {
    let api = unreachable();
    for path in ["/api/servers/down/status", "/api/servers/down/fingerprint", "/api/proxy/down/status"] {
        api.get(path).refuses(502, "unreachable");
    }
    api.post("/api/servers/down/trust", &json!({ "fingerprint": "SHA256:x" })).refuses(502, "unreachable");
    api.put("/api/servers/down", &json!({ "port": 2 })).refuses(502, "unreachable");
    let test = api.ask("/api/servers/down/test").is(200).json();
    assert_eq!((&test["reachable"], &test["code"]), (&json!(false), &json!("unreachable")));
    let known = api.get("/api/servers/down").is(200).json();
    assert!(known["last_error"].is_string());
    let with_key = json!({ "name": "new", "host": "127.0.0.1", "port": 1, "fingerprint": "SHA256:x" });
    api.post("/api/servers", &with_key).refuses(502, "unreachable");
    api.get("/api/servers/new").is(404);
}

#[test]
fn a_server_is_changed_without_being_asked_where_that_is_said() {
    let api = unreachable();
    let changed = api.put("/api/servers/down", &json!({ "port": 2, "provider": "me", "offline": true })).is(200).json();
    assert_eq!((&changed["port"], &changed["provider"]), (&json!(2), &json!("me")));
    let changed = api.put("/api/servers/down", &json!({ "provider": null })).is(200).json();
    assert_eq!((&changed["port"], &changed["provider"]), (&json!(2), &json!(null)));
}

#[test]
fn a_server_gets_another_name_and_its_apps_and_jobs_follow() {
    let api = Api::of(World::new().server("a").server("b").app("web"));
    api.post("/api/servers", &json!({ "name": "down", "host": "127.0.0.1", "port": 1 })).is(201);
    api.put("/api/servers/a", &json!({ "name": "down" })).refuses(409, "server_exists");
    let job = api.ask("/api/servers/down/provision").is(202).json()["job_id"].clone();
    // A name is tried nowhere: that the server does not answer is no matter.
    let renamed = api.put("/api/servers/down", &json!({ "name": "edge" })).is(200).json();
    assert_eq!((&renamed["name"], &renamed["port"]), (&json!("edge"), &json!(1)));
    api.get("/api/servers/down").refuses(404, "server_not_found");
    let job = api.get(&format!("/api/jobs/{job}")).is(200).json();
    assert_eq!((&job["server_name"], &job["title"]), (&json!("edge"), &json!("provision edge")));
    assert_eq!(api.put("/api/servers/edge", &json!({ "name": "edge" })).is(200).json()["name"], "edge");

    let of = api.get("/api/apps/web").is(200).json()["server_name"].as_str().unwrap().to_owned();
    api.put(&format!("/api/servers/{of}"), &json!({ "name": "home" })).is(200);
    assert_eq!(api.get("/api/apps/web?server=home").is(200).json()["server_name"], "home");
    api.get(&format!("/api/apps/web?server={of}")).refuses(404, "server_not_found");
}

#[test]
fn a_server_with_apps_goes_only_by_force() {
    let api = Api::of(World::new().server("a").app("web"));
    api.delete("/api/servers/a").refuses(409, "server_has_apps");
    assert_eq!(api.delete("/api/servers/a?force=maybe").faulty_fields(), ["force"]);
    let gone = api.delete("/api/servers/a?force=true").is(200).json();
    assert_eq!(gone["apps"], 1);
    assert_eq!(api.get("/api/apps").is(200).json(), json!([]));
}

#[test]
fn a_provisioning_is_accepted_once_and_says_why_it_waits() {
    let api = Api::of(World::new().server("a"));
    let first = api.ask("/api/servers/a/provision").is(202).json();
    let again = api.ask("/api/servers/a/provision").is(202).json();
    assert_eq!(first["job_id"], again["job_id"]);
    let other = json!({ "packages": "distro", "upgrade": true });
    api.post("/api/servers/a/provision", &other).refuses(409, "already_alive");
    assert_eq!(api.post("/api/servers/a/provision", &json!({ "packages": "snap" })).faulty_fields(), ["packages"]);
    let job = api.get(&format!("/api/jobs/{}", first["job_id"])).is(200).json();
    assert_eq!((&job["kind"], &job["waiting_for"]["why"]), (&json!("provision"), &json!("no_process")));
    api.delete("/api/servers/a").refuses(409, "server_busy");
}
