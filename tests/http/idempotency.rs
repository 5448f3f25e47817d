//! The same request under the same key is one request.

use crate::served::Served;

#[test]
fn a_request_that_is_repeated_under_its_key_is_answered_again_and_not_done_again() {
    let served = Served::new();
    served.run(&["server", "add", "prod-1", "--host", "127.0.0.1", "--port", "1", "--offline"]);
    served.run(&["server", "add", "prod-2", "--host", "127.0.0.1", "--port", "1", "--offline"]);
    let ask = |path: &str, key: &str| {
        let headers =
            [("X-API-Key", served.key.as_str()), ("Idempotency-Key", key), ("Content-Type", "application/json")];
        served.ask(&format!("POST {path}"), &headers, "")
    };
    let first = ask("/api/servers/prod-1/provision", "one").is(202);
    let job = first.json()["job_id"].as_i64().unwrap();
    assert_eq!(first.header("location"), Some(format!("/api/jobs/{job}").as_str()));
    served.run(&["job", "cancel", &job.to_string()]);
    let again = ask("/api/servers/prod-1/provision", "one").is(202);
    assert_eq!((again.json()["job_id"].as_i64(), again.header("idempotent-replayed")), (Some(job), Some("true")));
    ask("/api/servers/prod-2/provision", "one").refuses(422, "key_reused");
    ask("/api/servers/prod-2/provision", &"a".repeat(300)).refuses(422, "invalid");
    let other = ask("/api/servers/prod-2/provision", "two").is(202);
    assert_ne!(other.json()["job_id"].as_i64(), Some(job));
}
