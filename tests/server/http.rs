//! An app's whole life over the API alone, and the command line beside a process that serves: one home, one queue.

use crate::support::cli::Home;
use crate::support::http;
use crate::support::process::Process;
use crate::support::server::TestServer;
use crate::trouble::SmallDisk;
use infrakt::domain::job::JobState;
use reqwest::Method;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// A served home, and a client that knows nothing but HTTP.
struct Served {
    url: String,
    key: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    _process: Process,
}

impl Served {
    fn of(home: &Home) -> Self {
        let mut command = home.command(&["serve", "--bind", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let process = Process::new(child);
        let url = lines.find_map(|line| Some(line.unwrap().strip_prefix("listening on ")?.to_owned()));
        let key = std::fs::read_to_string(home.dir().join("api_key.txt")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // Between two calls nothing polls this client: it would not see that a connection kept for the next one was closed.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        Self {
            url: url.expect("it says where it listens"),
            key: key.trim().to_owned(),
            client,
            runtime,
            _process: process,
        }
    }

    #[track_caller]
    fn send(&self, method: Method, path: &str, body: Option<Value>, status: u16) -> Value {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).header("X-API-Key", &self.key);
        if let Some(body) = &body {
            request = request.header("Content-Type", "application/json").body(body.to_string());
        }
        let (said, text) = self.runtime.block_on(async {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        });
        assert_eq!(said, status, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    #[track_caller]
    fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None, 200)
    }

    #[track_caller]
    fn post(&self, path: &str, body: Value, status: u16) -> Value {
        self.send(Method::POST, path, Some(body), status)
    }

    /// Without a body; done when this returns.
    #[track_caller]
    fn done(&self, method: Method, path: &str) -> Value {
        self.send(method, path, None, 200)
    }
}

fn visit(server: &TestServer) -> String {
    http::get(server.http_port, "web.localhost", "/").unwrap().body
}

#[test]
fn an_app_lives_over_the_api_alone_and_the_command_line_joins_in() {
    let server = TestServer::with_databases("http-life");
    let home = Home::new();
    let api = Served::of(&home);

    let new = json!({ "name": "prod-1", "host": server.host, "port": server.port, "ssh_key_path": server.key });
    assert_eq!(api.post("/api/servers", new, 201)["host_key"], json!(null));
    let seen = api.get("/api/servers/prod-1/fingerprint")["seen"]["fingerprint"].clone();
    api.post("/api/servers/prod-1/trust", json!({ "fingerprint": "SHA256:another" }), 409);
    let trusted = api.post("/api/servers/prod-1/trust", json!({ "fingerprint": seen }), 200);
    assert_eq!(trusted["host_key"]["fingerprint"], seen);
    assert_eq!(api.done(Method::POST, "/api/servers/prod-1/test")["reachable"], true);
    api.done(Method::POST, "/api/servers/prod-1/provision?wait=300");
    let status = api.get("/api/servers/prod-1/status");
    assert!(status["memory"]["total"].as_u64().unwrap() > status["memory"]["used"].as_u64().unwrap());
    assert_eq!((&status["docker"]["state"], &status["caddy"]["state"]), (&json!("up"), &json!("up")));
    assert!(status["uptime"].as_str().unwrap().starts_with("up "));
    assert_eq!(api.get("/api/servers")[0]["status"], "active");

    let app = json!({
        "name": "web", "server_name": "prod-1", "image": "127.0.0.1:5000/hello:v1", "port": 8080,
        "domain": "http://web.localhost", "health_path": "/up",
    });
    api.post("/api/apps", app, 201);
    let deployed = api.post("/api/apps/web/deploy?wait=240", json!({}), 200);
    assert_eq!(visit(&server), "hello v1\n");
    let deployment = api.get(&format!("/api/deployments/{}", deployed["deployment_id"]));
    assert_eq!(deployment["status"], "success");
    assert!(!deployment["log"].as_str().unwrap().is_empty());
    let job = api.get(&format!("/api/jobs/{}", deployed["job_id"]));
    let steps: Vec<_> = job["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(steps, ["fetch", "start", "health", "route"]);
    let shown = api.get("/api/apps/web?containers=true");
    assert_eq!((&shown["status"], &shown["containers"][0]["state"]), (&json!("running"), &json!("running")), "{shown}");
    assert_eq!(api.get("/api/proxy/prod-1/status")["agrees"], true);
    assert_eq!(api.get("/api/proxy/prod-1/domains")[0]["domain"], "http://web.localhost");

    api.post("/api/apps/web/env", json!([{ "key": "GREETING", "value": "two words" }]), 200);
    let pushed = api.done(Method::POST, "/api/apps/web/env/push?wait=120");
    assert!(pushed["message"].as_str().unwrap().contains("1 variable"));
    assert_eq!(
        server.exec(
            "docker inspect -f '{{range .Config.Env}}{{println .}}{{end}}' $(docker ps -q --filter label=infrakt.app=web) | sed -n 's/^GREETING=//p'"
        ),
        "two words"
    );
    api.done(Method::POST, "/api/apps/web/restart?wait=120");
    let logs = api.get("/api/apps/web/logs?lines=5");
    assert_eq!(logs["app_name"], "web");
    assert!(!logs["logs"].as_str().unwrap().is_empty());
    api.done(Method::POST, "/api/apps/web/stop?wait=120");
    assert_eq!(api.get("/api/apps/web")["status"], "stopped");
    api.done(Method::POST, "/api/apps/web/start?wait=120");

    let database = json!({
        "server_name": "prod-1", "name": "shop", "db_type": "redis", "image": "127.0.0.1:5000/redis:7-alpine",
    });
    let made = api.post("/api/databases?wait=240", database, 200);
    assert_eq!(api.get("/api/databases")[0]["status"], "running");
    assert_eq!(api.get("/api/databases/shop/credentials")["password"], made["password"]);

    // What the command line enqueues, serve runs: no other process is started for it.
    let restart = home.enqueue(&["app", "restart", "web"]);
    assert_eq!(home.wait_end(restart).state, JobState::Succeeded);
    let attempts = api.get(&format!("/api/jobs/{restart}"))["attempts"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), 1, "{attempts}");
    let of_serve = api.get(&format!("/api/jobs/{}", deployed["job_id"]))["attempts"][0]["worker"].clone();
    assert_eq!(attempts[0]["worker"], of_serve, "the process that serves ran both");
    // What the API enqueues, the command line follows; and it waits for what it asks for itself.
    let asked = api.post("/api/apps/web/deploy", json!({}), 202);
    home.run(&["job", "follow", &asked["job_id"].to_string()]).ok().says(&["route"]);
    home.run(&["app", "restart", "web", "--wait"]).ok();
    assert_eq!(api.get("/api/jobs?active=true"), json!([]));

    api.done(Method::DELETE, "/api/databases/shop?volumes=true&wait=120");
    api.done(Method::DELETE, "/api/apps/web?volumes=true&wait=120");
    assert_eq!((api.get("/api/apps"), api.get("/api/databases")), (json!([]), json!([])));
    assert_eq!(server.exec("docker ps -aq --filter label=infrakt.app"), "");
    api.done(Method::DELETE, "/api/servers/prod-1");
}

#[test]
fn a_full_disk_at_home_is_said_in_words_and_what_is_there_is_read() {
    let disk = SmallDisk::new();
    let home = Home::at(&disk.0.path().join("home"));
    home.run(&["init"]).ok();
    let api = Served::of(&home);
    let add = |n: usize| {
        let new = json!({ "name": format!("server-{n}"), "host": "127.0.0.1", "port": 1 });
        let request = api.client.post(format!("{}/api/servers", api.url)).header("X-API-Key", &api.key);
        let request = request.header("Content-Type", "application/json").body(new.to_string());
        api.runtime.block_on(async {
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        })
    };
    assert_eq!(add(0).0, 201);
    disk.fill();
    // What the log of the database has room for is taken still.
    let (last, said) =
        (1..5000).map(|n| (n, add(n))).find(|(_, (status, _))| *status != 201).expect("no disk is so large");
    assert_eq!(said.0, 507, "{}", said.1);
    let problem: Value = serde_json::from_str(&said.1).unwrap();
    assert_eq!(problem["code"], "disk_full");
    assert!(!said.1.contains("infrakt.db"), "{}", said.1);
    let there = api.get("/api/servers?limit=500").as_array().unwrap().len();
    assert_eq!(there, last.min(500), "what was refused is not there, all else is");
    disk.free();
    assert_eq!(add(last).0, 201);
}
