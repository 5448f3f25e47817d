//! `infrakt doctor` on a real server: quiet while all is as recorded, and naming each thing that somebody changed.

use crate::support::cli::{Home, Said};
use crate::support::server::TestServer;

fn codes(said: &Said) -> Vec<String> {
    let findings = said.json()["findings"].as_array().unwrap().clone();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_changed_behind_our_back_is_named() {
    let server = TestServer::ready("doctor");
    let home = Home::with(&[("prod-1", &server)]);
    let app = ["app", "create", "web", "--server", "prod-1", "--image", "127.0.0.1:5000/hello:v1", "--port", "8080"];
    home.run(&[&app[..], &["--domain", "http://web.localhost", "--health", "/up", "--health-timeout", "15s"]].concat())
        .ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    let well = home.run(&["doctor", "--json"]).ok();
    assert_eq!(well.json()["ok"], true, "{}", well.out);

    server.exec("docker stop -t 1 $(docker ps -q --filter label=infrakt.app=web)");
    server.exec("ln -sfn releases/99 /opt/infrakt/apps/web/current");
    server.exec(": >/opt/infrakt/caddy/Caddyfile");
    server.exec("chmod 755 /var/lib/infrakt");
    let said = home.run(&["doctor", "prod-1", "--json"]).exits(1);
    assert_eq!(codes(&said), ["folder_mode", "release", "not_running", "route"], "{}", said.out);
}
