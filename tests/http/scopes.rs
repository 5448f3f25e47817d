//! What a key must be good for, operation by operation.

use crate::contract::{Document, world};
use std::collections::BTreeSet;

/// Operations by the least scope that may ask for them. What is not here is in none: the test names it.
const NEEDED: &[(&str, &[&str])] = &[
    ("none", &["health", "show_session", "open_session", "end_session", "follow_link"]),
    (
        "read",
        &[
            "get_dashboard",
            "list_servers",
            "get_server",
            "get_server_status",
            "get_server_fingerprint",
            "test_server",
            "list_apps",
            "get_app",
            "get_app_logs",
            "follow_app_logs",
            "list_deployments",
            "get_deployment",
            "list_env",
            "list_env_changes",
            "list_databases",
            "get_database",
            "list_domains",
            "get_proxy_status",
            "list_jobs",
            "get_job",
            "job_log",
            "follow_events",
            "metrics",
        ],
    ),
    (
        "deploy",
        &[
            "deploy_app",
            "restart_app",
            "stop_app",
            "start_app",
            "set_env",
            "import_env",
            "push_env",
            "delete_env",
            "cancel_job",
            "retry_job",
            "resolve_job",
            "bump_job",
        ],
    ),
    (
        "admin",
        &[
            "look_at_server",
            "create_server",
            "change_server",
            "delete_server",
            "provision_server",
            "trust_server",
            "create_app",
            "change_app",
            "delete_app",
            "get_env",
            "create_database",
            "get_database_credentials",
            "delete_database",
            "create_route",
            "delete_route",
            "reload_proxy",
            "set_up_proxy",
            "list_keys",
            "add_key",
            "revoke_key",
        ],
    ),
];

#[test]
fn every_operation_is_refused_to_a_key_that_may_too_little() {
    let served = world();
    let document = Document::of(&served);
    let keys: Vec<(&str, String)> = ["read", "deploy", "admin"]
        .map(|scope| (scope, served.run(&["key", "add", &format!("a-{scope}"), "--scope", scope]).trim().to_owned()))
        .into();
    let mut listed: BTreeSet<&str> = NEEDED.iter().flat_map(|(_, names)| *names).copied().collect();
    for op in document.operations() {
        let name = op.said["operationId"].as_str().unwrap().to_owned();
        let needed = NEEDED.iter().find(|(_, names)| names.contains(&name.as_str()));
        let (needed, _) = needed.unwrap_or_else(|| panic!("`{name}` stands under no scope"));
        listed.remove(name.as_str());
        let (line, body) = document.request(&op);
        let ask = |headers: &[(&str, &str)]| {
            served.ask(&line, &[&[("Content-Type", "application/json")][..], headers].concat(), &body)
        };
        if *needed == "none" {
            // It may want a session, never a key.
            let answer = ask(&[]);
            assert!(!answer.body.contains("key_missing"), "{line}: {}", answer.body);
            continue;
        }
        ask(&[]).refuses(401, "key_missing");
        let enough = keys.iter().position(|(scope, _)| scope == needed).unwrap();
        for (scope, key) in &keys[..enough] {
            let said = ask(&[("X-API-Key", key)]).refuses(403, "scope_too_small");
            let text = said["detail"].as_str().unwrap();
            assert!(text.contains(scope) && text.contains(needed), "{line}: {text}");
        }
        let answer = ask(&[("X-API-Key", &keys[enough].1)]);
        assert!(![401, 403].contains(&answer.status), "{line}, as {needed}: {}", answer.body);
    }
    assert!(listed.is_empty(), "there is no such operation: {listed:?}");
    served.is_well();
}

/// What depends on more than the operation.
#[test]
fn values_and_work_beyond_a_scope_are_refused() {
    let served = world();
    let read = served.run(&["key", "add", "r", "--scope", "read"]).trim().to_owned();
    let deploy = served.run(&["key", "add", "d", "--scope", "deploy"]).trim().to_owned();
    for key in [&read, &deploy] {
        let key = [("X-API-Key", key.as_str())];
        let masked = served.ask("GET /api/apps/web/env", &key, "").is(200);
        assert!(!masked.body.contains("\"1\""), "{}", masked.body);
        served.ask("GET /api/apps/web/env?show_values=true", &key, "").refuses(403, "scope_too_small");
    }
    let shown = served.get("/api/apps/web/env?show_values=true").is(200);
    assert!(shown.body.contains("\"1\""), "{}", shown.body);
    // Who may not provision may not ask for it again either.
    let job = served.json("POST /api/servers/prod-1/provision", "").is(202).json()["job_id"].as_i64().unwrap();
    let retry = format!("POST /api/jobs/{job}/retry");
    served.ask(&retry, &[("X-API-Key", &deploy)], "").refuses(403, "scope_too_small");
}
