//! `serve` as a process among others: its sockets, what it tells systemd, what it warns of and logs, the key it finds.

use crate::old_home::{self, Release};
use crate::served::{PATIENCE, Served, answer};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::Write;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};
use std::path::Path;

/// A request over the socket, with that key.
fn ask_over(path: &Path, key: &str, line: &str) -> crate::served::Answer {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nConnection: close\r\n\r\n").unwrap();
    answer(stream).expect("it answers")
}

#[test]
fn a_socket_is_served_for_its_owner_alone_and_goes_with_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("infrakt.sock");
    let mut served = Served::with(&["--unix", path.to_str().unwrap()]);
    let meta = path.symlink_metadata().unwrap();
    assert!(meta.file_type().is_socket());
    assert_eq!(meta.mode() & 0o777, 0o600);
    assert_eq!(ask_over(&path, &served.key, "GET /api/servers").is(200).json(), serde_json::json!([]));
    ask_over(&path, "", "GET /api/servers").refuses(401, "key_missing");
    ask_over(&path, "wrong", "GET /api/servers").refuses(403, "key_wrong");
    served.get("/api/servers").is(200);
    assert_eq!(served.end(), 0);
    assert!(path.symlink_metadata().is_err(), "the socket is left");
}

#[test]
fn a_socket_that_a_dead_process_left_is_replaced_and_anything_else_there_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    drop(UnixListener::bind(place("left")).unwrap());
    assert!(place("left").exists());
    let served = Served::with(&["--unix", place("left").to_str().unwrap()]);
    ask_over(&place("left"), &served.key, "GET /api/servers").is(200);

    let living = UnixListener::bind(place("living")).unwrap();
    std::fs::write(place("file"), "precious").unwrap();
    for name in ["living", "file", "left"] {
        let path = place(name).display().to_string();
        let output = served.command(&["serve", "--bind", "127.0.0.1:0", "--unix", &path]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains(&format!("cannot listen on {path}")), "{said}");
    }
    let taken = served.command(&["serve", "--bind", &format!("127.0.0.1:{}", served.port)]).output().unwrap();
    let said = String::from_utf8_lossy(&taken.stderr);
    assert!(said.contains("Address already in use") && said.contains("hint: `--bind ADDRESS:PORT`"), "{said}");
    assert_eq!(std::fs::read_to_string(place("file")).unwrap(), "precious");
    UnixStream::connect(place("living")).unwrap();
    drop(living);
    ask_over(&place("left"), &served.key, "GET /api/servers").is(200);
}

#[test]
fn an_address_that_others_reach_is_warned_of_and_loopback_is_not() {
    let served = Served::with(&["--bind", "0.0.0.0:0"]);
    let warning = served.logs("can be reached from other machines");
    assert!(warning.starts_with("warning: 0.0.0.0:") && warning.contains("not encrypted"), "{warning}");
    assert_eq!(served.log().matches("can be reached").count(), 1, "{}", served.log());
    assert!(served.logs("hint:").contains("TLS"));
    let quiet = Served::with(&["--bind", "127.0.0.2:0"]);
    quiet.is_well();
    assert!(!quiet.log().contains("warning:"), "{}", quiet.log());
}

#[test]
fn systemd_hears_when_it_is_ready_and_when_it_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notify");
    let abstract_name = format!("infrakt-test-{}", std::process::id());
    let in_files = UnixDatagram::bind(&path).unwrap();
    let nowhere = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&abstract_name).unwrap()).unwrap();
    for (socket, name) in [(in_files, path.display().to_string()), (nowhere, format!("@{abstract_name}"))] {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let hear = || {
            let mut bytes = [0; 256];
            let count = socket.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..count]).into_owned()
        };
        let mut served = Served::start(tempfile::tempdir().unwrap(), &[], &[("NOTIFY_SOCKET", &name)]);
        assert_eq!(hear(), "READY=1");
        served.get("/api/servers").is(200);
        assert_eq!(served.end(), 0);
        assert_eq!(hear(), "STOPPING=1");
        socket.set_nonblocking(true).unwrap();
        assert!(socket.recv(&mut [0; 256]).is_err(), "nothing more is said");
        let unit = served.run(&["serve", "--print-unit"]);
        assert!(unit.contains("\nType=notify\n"), "{unit}");
        assert!(!unit.contains("WatchdogSec"), "the unit asks for a sign of life that nobody gives");
    }
}

#[test]
fn a_systemd_that_does_not_listen_is_said_and_does_not_stop_it() {
    let served = Served::start(tempfile::tempdir().unwrap(), &[], &[("NOTIFY_SOCKET", "/nowhere/notify")]);
    assert!(served.logs("systemd could not be told").contains("READY=1"));
    served.is_well();
}

#[test]
fn the_key_of_a_home_of_the_first_release_stays_and_opens() {
    for release in Release::ALL {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        old_home::home(&home, release);
        let key = std::fs::read(home.join("api_key.txt")).unwrap();
        let mut served = Served::start(temp, &[], &[]);
        let servers = served.get("/api/servers").is(200).json();
        assert!(!servers.as_array().unwrap().is_empty(), "{release:?}");
        served.ask("GET /api/servers", &[("X-API-Key", "another")], "").refuses(403, "key_wrong");
        let file = served.home().join("api_key.txt");
        assert_eq!(std::fs::read(&file).unwrap(), key, "{release:?}");
        assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600, "{release:?}");
        assert_eq!(served.end(), 0, "{release:?}");
    }
}

const SECRETS: [&str; 3] = ["a-wrong-key-0123456789", "a-token-in-the-address-0123", "a-value-that-is-set-01234"];

/// Requests with something secret in each place where it may be: their ids, and what is secret of this home.
fn ask_with_secrets(served: &Served) -> (Vec<(String, u16)>, Vec<String>) {
    let [wrong, token, value] = SECRETS;
    served.run(&["server", "add", "prod-1", "--host", "127.0.0.1", "--port", "1", "--offline"]);
    served.run(&["app", "create", "web", "--server", "prod-1", "--image", "registry.example/web:1"]);
    let json = ("Content-Type", "application/json");
    let opened = served.ask("POST /api/session", &[json], &format!(r#"{{"key":"{}"}}"#, served.key)).is(200);
    let session = opened.header("set-cookie").unwrap().split(['=', ';']).nth(1).unwrap().to_owned();
    let cookie = format!("infrakt_session={session}");
    let answers = [
        served.get("/api/servers"),
        opened,
        served.ask("GET /api/session", &[("Cookie", &cookie)], ""),
        served.ask("GET /api/servers", &[("X-API-Key", wrong)], ""),
        served.ask(&format!("GET /api/session/link?token={token}"), &[], ""),
        served.ask(&format!("GET {}", served.link), &[], ""),
        served.get(&format!("/api/servers?token={token}")),
        served.ask("GET /api/servers", &[("Authorization", &format!("Bearer {}", served.key))], ""),
        served.json("POST /api/apps/web/env", &format!(r#"[{{"key":"A","value":"{value}"}}]"#)),
        served.json("POST /api/apps/web/env/import", &format!(r#"{{"content":"B={value}"}}"#)),
        served.get("/api/apps/web/env/A"),
        served.json("POST /api/keys", &format!(r#"{{"name":"x","scope":"{value}"}}"#)),
        served.get(&format!("/{token}")),
    ];
    let ids = answers.iter().map(|answer| (answer.header("x-request-id").unwrap().to_owned(), answer.status));
    let link = served.link.split("token=").nth(1).unwrap().to_owned();
    (ids.collect(), SECRETS.map(str::to_owned).into_iter().chain([served.key.clone(), session, link]).collect())
}

#[test]
fn each_request_is_one_line_of_text_with_its_id_and_nothing_secret() {
    let served = Served::new();
    let (asked, secrets) = ask_with_secrets(&served);
    for (id, status) in &asked {
        let line = served.logs(id);
        for field in
            [format!("http.status={status}").as_str(), "http.method=", "http.path=", "http.peer=", "duration_ms="]
        {
            assert!(line.contains(field), "{field} is missing: {line}");
        }
    }
    served.get("/api/health").is(200);
    let last = served.get("/api/servers");
    assert!(served.logs(last.header("x-request-id").unwrap()).contains("http.key=\"api\""));
    let log = served.log();
    asked.iter().for_each(|(id, _)| assert_eq!(log.matches(id.as_str()).count(), 1, "{id}\n{log}"));
    secrets.iter().for_each(|secret| assert!(!log.contains(secret.as_str()), "{secret} is in\n{log}"));
    assert!(!log.contains("/api/health"), "what is asked all the time is not logged:\n{log}");
}

#[test]
fn each_request_is_one_document_of_json_with_its_id_and_nothing_secret() {
    for args in [&["--log", "json"][..], &[]] {
        let variables: &[(&str, &str)] = if args.is_empty() { &[("INFRAKT_LOG_FORMAT", "json")] } else { &[] };
        let mut served = Served::start(tempfile::tempdir().unwrap(), args, variables);
        let (asked, secrets) = ask_with_secrets(&served);
        assert_eq!(served.end(), 0);
        let log = served.log();
        let read = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let lines: Vec<Value> = log.lines().map(read).collect();
        for (id, status) in &asked {
            let found: Vec<&Value> = lines.iter().filter(|line| line["http.request_id"] == **id).collect();
            assert_eq!(found.len(), 1, "{id}\n{log}");
            assert_eq!(
                (&found[0]["message"], &found[0]["http.status"]),
                (&"request".into(), &(*status).into()),
                "{log}"
            );
            for field in ["timestamp", "level", "http.method", "http.path", "http.key", "http.peer", "duration_ms"] {
                assert!(!found[0][field].is_null(), "{field} is missing: {}", found[0]);
            }
        }
        secrets.iter().for_each(|secret| assert!(!log.contains(secret.as_str()), "{secret} is in\n{log}"));
    }
}

/// What dashboards and alarms are built on: a name goes only with a release that says so.
const METRICS: &[&str] = &[
    "infrakt_build_info",
    "infrakt_http_request_seconds",
    "infrakt_http_streams",
    "infrakt_job_claims_total",
    "infrakt_job_fenced_total",
    "infrakt_job_oldest_due_seconds",
    "infrakt_job_panics_total",
    "infrakt_job_rescues_total",
    "infrakt_job_retries_total",
    "infrakt_jobs",
    "infrakt_jobs_ended_total",
    "infrakt_ssh_channels_total",
    "infrakt_ssh_commands_total",
    "infrakt_ssh_connect_failures_total",
    "infrakt_ssh_connections_lost_total",
    "infrakt_ssh_connections_total",
    "infrakt_ssh_received_bytes_total",
    "infrakt_step_seconds",
];

#[test]
fn the_metrics_have_these_names_and_no_others() {
    let served = Served::new();
    let page = served.get("/api/metrics").is(200);
    assert!(page.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"), "{}", page.head);
    let named = |what: &str| -> Vec<String> {
        let lines = page.body.lines().filter_map(|line| line.strip_prefix(what));
        lines.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
    };
    let types = named("# TYPE ");
    assert_eq!(types, named("# HELP "), "each is told what it is, once");
    assert_eq!(types.iter().collect::<BTreeSet<_>>().len(), types.len(), "{types:?}");
    let names: BTreeSet<&str> = types.iter().map(String::as_str).collect();
    assert_eq!(names, METRICS.iter().copied().collect());
    assert!(page.body.contains(&format!("infrakt_build_info{{version=\"{}\"}} 1\n", env!("CARGO_PKG_VERSION"))));
}
