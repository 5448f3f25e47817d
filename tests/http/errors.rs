//! Every error has one form, and a status that says whose fault it is.

use crate::served::Served;

#[test]
fn addresses_and_methods_that_are_not_there() {
    let served = Served::new();
    for path in ["/api", "/api/nowhere", "/api/servers/a/b/c", "/api/..%2fservers", "/api/%ff"] {
        served.get(path).refuses(404, "not_found");
    }
    let answer = served.json("PATCH /api/keys", "");
    assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET") && allow.contains("POST")));
    answer.refuses(405, "method_not_allowed");
    served.json("TRACE /api/servers", "").refuses(405, "method_not_allowed");
}

#[test]
fn a_trailing_slash_leads_to_the_address_without_it_and_nowhere_else() {
    let served = Served::new();
    for (path, place) in [("/api/servers/", "/api/servers"), ("/api/servers//?a=b", "/api/servers?a=b")] {
        assert_eq!(served.get(path).is(308).header("location"), Some(place), "{path}");
    }
    for path in ["/api//evil.example/", "//evil.example/", "//evil.example/api/"] {
        let answer = served.get(path);
        assert_eq!(answer.header("location"), None, "{path}: {}", answer.head);
        assert_eq!(answer.status, 404, "{path}");
    }
}

#[test]
fn a_body_is_refused_with_the_names_of_its_fields() {
    let served = Served::new();
    let post = |body: &str| served.json("POST /api/keys", body);
    post("").refuses(422, "bad_json");
    post("{").refuses(422, "bad_json");
    post("{\"name\":\"a\"").refuses(422, "bad_json");
    post("null").refuses(422, "invalid");
    post("[1]").refuses(422, "invalid");
    let fields = |body: &str| {
        let said = post(body).refuses(422, "invalid");
        let errors = said["errors"].as_array().unwrap().clone();
        errors.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fields("{}"), ["name", "scope"]);
    assert_eq!(fields(r#"{"name":1,"scope":null}"#), ["name", "scope"]);
    assert_eq!(fields(r#"{"name":"a","scope":"read","more":1}"#), ["more"]);
    assert_eq!(fields(r#"{"name":"../a","scope":"read"}"#), ["name"]);
    let key = ("X-API-Key", served.key.as_str());
    let body = r#"{"name":"a","scope":"read"}"#;
    served.ask("POST /api/keys", &[key], body).refuses(415, "not_json");
    served.ask("POST /api/keys", &[key, ("Content-Type", "text/plain")], body).refuses(415, "not_json");
    let said = served.get("/api/servers?cursor=&limit=x").refuses(422, "invalid");
    assert_eq!(said["errors"].as_array().unwrap().len(), 1, "{said}");
}

#[test]
fn a_body_that_is_too_large_is_refused() {
    let served = Served::new();
    let large = format!("{{\"name\":\"{}\"}}", "a".repeat(3 * 1024 * 1024));
    let head = format!(
        "POST /api/keys HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        served.key,
        large.len()
    );
    // Announced alone is enough: nobody has to send it.
    let answer = served.raw(head.as_bytes()).unwrap();
    answer.refuses(413, "too_large");
    served.is_well();
}

#[test]
fn a_fault_of_ours_tells_nothing_and_is_found_in_the_log() {
    let served = Served::new();
    let file = served.home().join("api_key.txt");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    let said = served.ask("GET /api/servers", &[("X-API-Key", "a")], "").refuses(500, "internal");
    assert!(!said.to_string().contains("api_key"), "{said}");
    let line = served.logs(said["request_id"].as_str().unwrap());
    assert!(line.contains("api_key.txt"), "{line}");
    std::fs::remove_dir(&file).unwrap();
    std::fs::write(&file, &served.key).unwrap();
    served.is_well();
}

#[test]
fn a_list_is_not_sent_again_to_who_has_it() {
    let served = Served::new();
    served.run(&["server", "add", "prod-1", "--host", "127.0.0.1", "--port", "1", "--offline"]);
    let tag = served.get("/api/servers").is(200).header("etag").unwrap().to_owned();
    let key = ("X-API-Key", served.key.as_str());
    let again = served.ask("GET /api/servers", &[key, ("If-None-Match", &format!("\"x\", W/{tag}"))], "").is(304);
    assert_eq!(again.body, "");
    served.run(&["server", "add", "prod-2", "--host", "127.0.0.1", "--port", "1", "--offline"]);
    served.ask("GET /api/servers", &[key, ("If-None-Match", &tag)], "").is(200);
}
