//! What the deploy of an image costs on the line and in time, beside what the server itself needs for the same commands.

use crate::figures::{heading, line, median, ms};
use crate::support::cli::Home;
use crate::support::proxy::Proxy;
use crate::support::server::TestServer;
use infrakt::actors::{self, Options, Workers};
use infrakt::queue::WorkerKind;
use infrakt::queue::wake::Bell;
use infrakt::ssh::Ssh;
use std::sync::Arc;
use std::time::{Duration, Instant};

const RUNS: usize = 5;
const IMAGES: [&str; 2] = ["127.0.0.1:5000/hello:v1", "127.0.0.1:5000/hello:v2"];

pub fn run() {
    heading(&format!("the deploy of an image whose layers are there already (medians of {RUNS})"));
    let server = TestServer::ready("bench");
    let proxy = Proxy::to_port(server.port);
    let home = Home::new();
    home.add("prod-1", &server, proxy.port()).ok();
    let app = ["app", "create", "web", "--server", "prod-1", "--image", IMAGES[0], "--port", "8080", "--health", "/up"];
    home.run(&[&app[..], &["--domain", "http://web.localhost"]].concat()).ok();
    let mut deploys = Deploys { home: &home, next: 0 };
    deploys.one(); // brings the layers, the step script and the network there
    deploys.one();

    let before = proxy.counts().connections;
    let ssh = Ssh::start();
    let took = deploys.counted(&ssh);
    let counted = ssh.counters();
    line("connections", &(proxy.counts().connections - before).to_string(), "aim: 1");
    line("channels", &counted.channels.get().to_string(), &format!("{} opened ahead", counted.channels_ahead.get()));
    line("commands", &counted.commands.get().to_string(), &format!("{} in this run", ms(took)));

    let alone = server_alone(&server);
    line("the same commands on the server, without infrakt", &ms(alone), "");
    let mut times = Vec::new();
    for rtt in [0, 50, 100] {
        proxy.delay(Duration::from_millis(rtt) / 2);
        let time = median((0..RUNS).map(|_| deploys.one()).collect());
        times.push(time);
        let beside = format!("{:.2} of what the server needs alone", time.as_secs_f64() / alone.as_secs_f64());
        line(&format!("deploy at {rtt} ms round trip"), &ms(time), &beside);
    }
    let trips = (times[2].as_secs_f64() - times[0].as_secs_f64()) / 0.1;
    line(
        "round trips in a row (what 100 ms add, by 100 ms)",
        &format!("{trips:.1}"),
        "aim: 16, of which the connection costs 8",
    );
}

struct Deploys<'a> {
    home: &'a Home,
    next: usize,
}

impl Deploys<'_> {
    /// Another image each time, so that each deploy replaces a container.
    fn change(&mut self) {
        self.next += 1;
        self.home.run(&["app", "edit", "web", "--image", IMAGES[self.next % 2]]).ok();
    }

    /// As a person does it.
    fn one(&mut self) -> Duration {
        self.change();
        let began = Instant::now();
        self.home.run(&["app", "deploy", "web", "--wait"]).ok();
        began.elapsed()
    }

    /// In this process, so that its counters can be read.
    fn counted(&mut self, ssh: &Ssh) -> Duration {
        self.change();
        let (db, run) = (self.home.db(), self.home.dir().join("run"));
        let installation = db.read(infrakt::store::meta::installation).unwrap().unwrap();
        actors::block_on(async {
            let bell = Bell::hang(&run).unwrap();
            let home = infrakt::config::Home::at(self.home.dir());
            let parts = actors::product_parts(db, bell, ssh.clone(), installation, &home, None);
            let options = Options {
                kind: WorkerKind::Worker,
                only_lane: None,
                idle_after: Duration::from_millis(50),
                counters: Arc::default(),
            };
            let workers = Workers::start(parts, &run, options).await.unwrap();
            // a process that runs jobs lives: the command starts none
            let began = Instant::now();
            self.home.run(&["app", "deploy", "web"]).ok();
            workers.until_idle().await.unwrap();
            let took = began.elapsed();
            workers.drain().await;
            took
        })
    }
}

/// Pull, start, wait for an answer, check and reload the proxy: what a person would type there.
fn server_alone(server: &TestServer) -> Duration {
    let commands = r#"set -e
        docker pull -q 127.0.0.1:5000/hello:v1 >/dev/null
        cd /opt/infrakt/apps/web/current
        compose() { docker compose --ansi never -p infrakt-web -f docker-compose.yml -f infrakt.yml --env-file compose.env "$@"; }
        compose up -d --pull never --force-recreate >/dev/null 2>&1
        at=$(compose port web 8080)
        until curl -fsS -o /dev/null "http://$at/up" 2>/dev/null; do sleep 0.05; done
        caddy validate --config /etc/caddy/Caddyfile >/dev/null 2>&1
        systemctl reload caddy"#;
    let timed = |script: &str| {
        let began = Instant::now();
        server.exec(script);
        began.elapsed()
    };
    // the way into the server costs a process or two: what it takes for nothing is taken off
    let nothing = median((0..RUNS).map(|_| timed("true")).collect());
    median((0..RUNS).map(|_| timed(commands)).collect::<Vec<_>>()).saturating_sub(nothing)
}
