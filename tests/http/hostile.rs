//! What nobody means well with: refused, without a fault and without harm to others.

use crate::served::Served;
use std::io::{Read, Write};

/// Refused: 4xx in words, or the line is closed.
#[track_caller]
fn refused(served: &Served, what: &str, bytes: &[u8]) {
    if let Some(answer) = served.raw(bytes) {
        assert!((400..500).contains(&answer.status), "{what}: {} {}", answer.head, answer.body);
    }
}

#[test]
fn requests_that_are_none_are_refused() {
    let served = Served::new();
    let key = &served.key;
    let head = format!("Host: localhost\r\nX-API-Key: {key}\r\nConnection: close\r\n");
    let long = "a".repeat(300_000);
    let many: String = (0..2000).map(|n| format!("X-{n}: a\r\n")).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", b"\r\n\r\n".to_vec()),
        ("noise", (0..=255u8).cycle().take(5000).collect()),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("half a head", format!("GET /api/servers HTTP/1.1\r\n{}", &head[..20]).into_bytes()),
        ("a long line", format!("GET /api/{long} HTTP/1.1\r\n{head}\r\n").into_bytes()),
        ("a long header", format!("GET /api/servers HTTP/1.1\r\n{head}X-A: {long}\r\n\r\n").into_bytes()),
        ("many headers", format!("GET /api/servers HTTP/1.1\r\n{head}{many}\r\n").into_bytes()),
        ("another version", format!("GET /api/servers HTTP/9.9\r\n{head}\r\n").into_bytes()),
        ("a NUL in the path", format!("GET /api/\0 HTTP/1.1\r\n{head}\r\n").into_bytes()),
        ("a NUL in a header", format!("GET /api/x HTTP/1.1\r\n{head}X-A: \0\r\n\r\n").into_bytes()),
        ("bytes in the path", [b"GET /api/\xff\xfe HTTP/1.1\r\n", head.as_bytes(), b"\r\n"].concat()),
        ("bytes in the key", b"GET /api/servers HTTP/1.1\r\nHost: a\r\nX-API-Key: \xff\xfe\r\n\r\n".to_vec()),
        ("bytes in the host", b"GET /api/servers HTTP/1.1\r\nHost: \xff\r\n\r\n".to_vec()),
        ("two lengths", format!("POST /api/keys HTTP/1.1\r\n{head}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab").into_bytes()),
        ("length and chunks", format!("POST /api/keys HTTP/1.1\r\n{head}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").into_bytes()),
        ("bad chunks", format!("POST /api/keys HTTP/1.1\r\n{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").into_bytes()),
        ("a negative length", format!("POST /api/keys HTTP/1.1\r\n{head}Content-Length: -1\r\n\r\n").into_bytes()),
        ("a huge length", format!("POST /api/keys HTTP/1.1\r\n{head}Content-Length: 99999999999999999999\r\n\r\n").into_bytes()),
        ("a cut body", format!("POST /api/keys HTTP/1.1\r\n{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{\"name\"").into_bytes()),
    ];
    for (what, bytes) in &cases {
        refused(&served, what, bytes);
    }
    served.is_well();
}

#[test]
fn bodies_that_are_meant_to_hurt_are_refused() {
    let served = Served::new();
    let deep = format!("{{\"name\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    let objects = "{\"a\":".repeat(100_000);
    let wide = format!("{{{}\"name\":\"a\"}}", (0..20_000).map(|n| format!("\"f{n}\":1,")).collect::<String>());
    for body in [
        deep.as_str(),
        &objects,
        &wide,
        r#"{"name":1e999,"scope":"read"}"#,
        r#"{"name":"\ud800","scope":"read"}"#,
        r#"{"name":"a\u0000b","scope":"read"}"#,
        r#"{"name":"a\r\nSet-Cookie: b","scope":"read"}"#,
        r#"{"name":"'; DROP TABLE api_key; --","scope":"read"}"#,
        r#"{"name":"a","name":"b","scope":"nothing"}"#,
        "\u{feff}{}",
    ] {
        let answer = served.json("POST /api/keys", body);
        assert_eq!(answer.status, 422, "{}: {}", &body[..body.len().min(80)], answer.body);
    }
    let mut invalid = format!(
        "POST /api/keys HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {}\r\nContent-Type: application/json\r\nContent-Length: 12\r\nConnection: close\r\n\r\n",
        served.key
    )
    .into_bytes();
    invalid.extend_from_slice(b"{\"name\":\"\xff\"}");
    served.raw(&invalid).unwrap().refuses(422, "bad_json");
    assert_eq!(served.get("/api/keys").json(), serde_json::json!([]));
    served.is_well();
}

#[test]
fn no_path_leads_out() {
    let served = Served::new();
    for path in [
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/docs/../../../etc/passwd",
        "/api/docs/..%2f..%2f..%2fetc%2fpasswd",
        "/api/docs//etc/passwd",
        "/api/keys/..%2f..%2fetc%2fpasswd",
        "/api/docs/%00",
        "/....//....//etc/passwd",
        "/\\..\\..\\etc\\passwd",
    ] {
        let answer = served.get(path);
        assert!(!answer.body.contains("root:"), "{path}");
        assert!(answer.status < 500, "{path}: {}", answer.status);
    }
    served.is_well();
}

#[test]
fn nothing_that_is_asked_becomes_a_header() {
    let served = Served::new();
    for path in
        ["/api/servers/%0d%0aX-Evil:%20a/", "/api/servers?x=%0d%0aX-Evil:%20a&limit=1", "/api/docs/%0d%0aX-Evil:a"]
    {
        let answer = served.get(path);
        assert_eq!(answer.header("x-evil"), None, "{path}: {}", answer.head);
        assert!(answer.status < 500, "{path}");
    }
}

#[test]
fn who_drips_a_request_holds_up_nobody_and_is_let_go() {
    let served = Served::new();
    let mut slow: Vec<_> = (0..200).map(|_| served.connect()).collect();
    for stream in &mut slow {
        stream.write_all(b"GET /api/servers HTTP/1.1\r\nHost: local").unwrap();
    }
    served.is_well();
    let mut said = Vec::new();
    // Either way it ends: by an answer or by a closed line.
    let _ = slow.remove(0).read_to_end(&mut said);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&said));
}
