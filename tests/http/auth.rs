//! Who may ask, and for what.

use crate::served::Served;
use std::os::unix::fs::MetadataExt;

#[test]
fn a_home_has_a_key_from_its_start_and_keeps_it() {
    let served = Served::new();
    let meta = served.home().join("api_key.txt").metadata().unwrap();
    assert_eq!((meta.mode() & 0o777, served.key.len()), (0o600, 43));
    served.run(&["init"]);
    assert_eq!(std::fs::read_to_string(served.home().join("api_key.txt")).unwrap(), served.key);
}

#[test]
fn a_key_is_asked_for_everywhere() {
    let served = Served::new();
    for path in ["/api/servers", "/api/keys", "/api/jobs", "/api/nowhere", "/api"] {
        served.ask(&format!("GET {path}"), &[], "").refuses(401, "key_missing");
        served.ask(&format!("GET {path}"), &[("X-API-Key", "")], "").refuses(401, "key_missing");
        served.ask(&format!("GET {path}"), &[("X-API-Key", "wrong")], "").refuses(403, "key_wrong");
    }
    let bearer = format!("bearer {}", served.key);
    served.ask("GET /api/servers", &[("Authorization", &bearer)], "").is(200);
    served.ask("GET /api/servers", &[("Authorization", "Basic QTpC")], "").refuses(401, "key_missing");
    for path in ["/api/openapi.json", "/api/docs/", "/api/docs/swagger-ui.css"] {
        served.ask(&format!("GET {path}"), &[], "").is(200);
    }
}

#[test]
fn a_named_key_may_what_it_is_for_until_it_is_revoked() {
    let served = Served::new();
    let key = |name: &str, scope: &str| served.run(&["key", "add", name, "--scope", scope]).trim().to_owned();
    let (read, deploy, admin) = (key("r", "read"), key("d", "deploy"), key("a", "admin"));
    let ask = |key: &str, line: &str, body: &str| {
        served.ask(line, &[("X-API-Key", key), ("Content-Type", "application/json")], body)
    };
    for key in [&read, &deploy, &admin] {
        ask(key, "GET /api/servers", "").is(200);
    }
    let made = r#"{"name":"x","scope":"read"}"#;
    ask(&read, "POST /api/keys", made).refuses(403, "scope_too_small");
    ask(&deploy, "POST /api/keys", made).refuses(403, "scope_too_small");
    assert_eq!(ask(&admin, "POST /api/keys", made).is(201).json()["scope"], "read");
    ask(&admin, "POST /api/keys", made).refuses(409, "key_exists");
    ask(&admin, "POST /api/keys", r#"{"name":"api","scope":"read"}"#).refuses(409, "key_exists");
    let bad = ask(&admin, "POST /api/keys", r#"{"name":"y","scope":"root"}"#).refuses(422, "invalid");
    assert_eq!(bad["errors"][0]["field"], "scope");

    let list = served.run(&["key", "list", "--json"]);
    assert!(list.contains("\"created_by\"") && !list.contains(&read), "{list}");
    let database = std::fs::read(served.home().join("infrakt.db")).unwrap();
    let log = std::fs::read(served.home().join("infrakt.db-wal")).unwrap_or_default();
    for place in [&database, &log] {
        assert!(!place.windows(read.len()).any(|text| text == read.as_bytes()), "a key lies in the database");
    }
    served.run(&["key", "revoke", "r"]);
    ask(&read, "GET /api/servers", "").refuses(403, "key_wrong");
    ask(&admin, "DELETE /api/keys/r", "").refuses(404, "key_not_found");
    ask(&admin, "DELETE /api/keys/d", "").is(200);
    ask(&deploy, "GET /api/servers", "").refuses(403, "key_wrong");
}

#[test]
fn wrong_keys_are_slowed_down_and_the_right_one_is_not() {
    let served = Served::new();
    served.get("/api/servers").is(200);
    let wrong = |n: usize| served.ask("GET /api/servers", &[("X-API-Key", &format!("wrong-{n}"))], "");
    let refused = (0..200).map(wrong).find(|answer| answer.status == 429).expect("nobody is slowed down");
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    refused.refuses(429, "too_many_attempts");
    served.get("/api/servers").is(200);
    let login = r#"{"key":"wrong"}"#;
    served.ask("POST /api/session", &[("Content-Type", "application/json")], login).refuses(429, "too_many_attempts");
}

/// The cookie's name and value.
fn cookie(answer: &crate::served::Answer) -> String {
    let set = answer.header("set-cookie").unwrap();
    for word in ["; HttpOnly", "; SameSite=Strict", "; Path=/api"] {
        assert!(set.contains(word), "{set}");
    }
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn a_link_leads_to_where_the_home_is_served() {
    let served = Served::new();
    let printed = served.run(&["ui"]);
    assert!(printed.starts_with(&format!("http://127.0.0.1:{}/api/session/link?token=", served.port)), "{printed}");
}

#[test]
fn a_link_logs_a_browser_in_once() {
    let served = Served::new();
    let printed = served.run(&["ui", "--url", "http://127.0.0.1:1/"]);
    let printed = printed.trim().strip_prefix("http://127.0.0.1:1").unwrap();
    for link in [served.link.as_str(), printed] {
        let answer = served.ask(&format!("GET {link}"), &[], "").is(303);
        assert_eq!(answer.header("location"), Some("/"));
        let cookie = cookie(&answer);
        served.ask("GET /api/servers", &[("Cookie", &cookie)], "").is(200);
        let who = served.ask("GET /api/session", &[("Cookie", &format!("a=b; {cookie}"))], "").is(200).json();
        assert_eq!(who["scope"], "admin");
        served.ask(&format!("GET {link}"), &[], "").refuses(401, "link_used");
        served.ask("DELETE /api/session", &[("Cookie", &cookie)], "").is(200);
        served.ask("GET /api/servers", &[("Cookie", &cookie)], "").refuses(401, "session_over");
    }
    served.ask("GET /api/session/link?token=x", &[], "").refuses(401, "link_used");
    served.ask("GET /api/session", &[], "").refuses(401, "session_over");
}

#[test]
fn a_session_is_worth_what_its_key_is() {
    let served = Served::new();
    let key = served.run(&["key", "add", "r"]).trim().to_owned();
    let json = ("Content-Type", "application/json");
    let opened = served.ask("POST /api/session", &[json], &format!("{{\"key\":\"{key}\"}}")).is(200);
    let cookie = cookie(&opened);
    served.ask("GET /api/servers", &[("Cookie", &cookie)], "").is(200);
    served.ask("GET /api/keys", &[("Cookie", &cookie)], "").refuses(403, "scope_too_small");
    served.run(&["key", "revoke", "r"]);
    served.ask("GET /api/servers", &[("Cookie", &cookie)], "").refuses(401, "session_over");
    served.ask("POST /api/session", &[json], r#"{"key":"wrong"}"#).refuses(403, "key_wrong");
}

#[test]
fn a_foreign_host_or_page_is_refused() {
    let served = Served::with(&["--host", "paas.example.com", "--origin", "https://desk.example.com"]);
    let opened = served.ask(
        "POST /api/session",
        &[("Content-Type", "application/json")],
        &format!("{{\"key\":\"{}\"}}", served.key),
    );
    let cookie = cookie(&opened.is(200));
    let key = ("X-API-Key", served.key.as_str());
    for host in ["localhost", "127.0.0.1", "[::1]:8000", "paas.example.com"] {
        served.ask("GET /api/servers", &[key, ("Host", host)], "").is(200);
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "paas.example.com.evil.example", "@"] {
        served.ask("GET /api/servers", &[key, ("Host", host)], "").refuses(421, "wrong_host");
        served.ask("GET /api/openapi.json", &[("Host", host)], "").refuses(421, "wrong_host");
    }
    let own = format!("http://127.0.0.1:{}", served.port);
    for origin in ["https://desk.example.com", "http://localhost:5173", "http://localhost:3000"] {
        let answer = served.ask("GET /api/servers", &[key, ("Origin", origin)], "").is(200);
        assert_eq!(answer.header("access-control-allow-origin"), Some(origin));
        let asked = [("Origin", origin), ("Access-Control-Request-Method", "POST")];
        let answer = served.ask("OPTIONS /api/servers", &asked, "").is(204);
        assert!(answer.header("access-control-allow-headers").unwrap().contains("X-API-Key"));
        // A session belongs to the page that is served here.
        served.ask("GET /api/servers", &[("Cookie", &cookie), ("Origin", origin)], "").refuses(403, "foreign_origin");
    }
    served.ask("GET /api/servers", &[("Cookie", &cookie), ("Origin", &own)], "").is(200);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        served.ask("GET /api/servers", &[key, ("Origin", origin)], "").refuses(403, "foreign_origin");
        let asked = [("Origin", origin), ("Access-Control-Request-Method", "POST")];
        served.ask("OPTIONS /api/servers", &asked, "").refuses(403, "foreign_origin");
    }
}
