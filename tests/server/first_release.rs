//! Each command of the first release, in its own spelling, on a real server: through a login that is not root and has `sudo`.

use crate::support::cli::Home;
use crate::support::http;
use crate::support::server::TestServer;

#[test]
fn each_command_works_through_a_login_that_is_not_root() {
    let server = TestServer::with_databases("commands");
    let home = Home::new();
    let (port, key) = (server.port.to_string(), server.key.display().to_string());
    let run = |line: &str| home.run(&line.split(' ').collect::<Vec<_>>());

    run("init").ok();
    let add = format!(
        "server add --name prod-1 --host {} --user admin --port {port} --key {key} --provider lab",
        server.host
    );
    run(&format!("{add} --yes")).ok();
    assert!(run("server list").ok().out.contains("admin"));
    run("server provision prod-1 --wait").ok().says(&["prod-1 is"]);

    // What docker, the firewall and the folders of infrakt answer root alone is there.
    let status = run("server status prod-1 --json").ok().json();
    for service in ["docker", "caddy", "ufw", "fail2ban"] {
        assert_eq!(status["services"][service]["state"], "up", "{service}: {status}");
    }
    assert!(run("server status prod-1").ok().out.contains("docker"));
    let whoami = home.run(&["server", "ssh", "prod-1", "--", "id", "-un"]).ok().out;
    assert_eq!(whoami.trim(), "admin");

    let image = "127.0.0.1:5000/hello:v1";
    run(&format!("app create --server prod-1 --name web --domain http://web.localhost --port 8080 --image {image}"))
        .ok();
    run("env set web COLOUR=deep-blue-sea OTHER=1").ok();
    assert_eq!(run("env get web COLOUR").ok().out, "deep-blue-sea\n");
    assert!(run("env list web --show-values").ok().out.contains("deep-blue-sea"));
    run("env delete web OTHER").ok();
    run("app deploy web --server prod-1 --wait").ok().says(&["web is running on prod-1"]);
    let visit = |path: &str| http::get(server.http_port, "web.localhost", path).unwrap().body;
    assert_eq!((visit("/"), visit("/env/COLOUR")), ("hello v1\n".to_owned(), "deep-blue-sea".to_owned()));
    assert!(run("app list --server prod-1").ok().out.contains("running"));
    assert!(run("app logs web --server prod-1 --lines 50").ok().out.contains("app v1 listening on 8080"));
    assert_eq!(run("app show web --json").ok().json()["containers"][0]["state"], "running");
    run("env set web COLOUR=pale-green-lake").ok();
    run("env push web --server prod-1").ok();
    assert_eq!(visit("/env/COLOUR"), "pale-green-lake");
    run("app restart web --server prod-1").ok();

    run("proxy setup prod-1").ok();
    run("proxy add http://by-port.localhost --server prod-1 --port 5000").ok();
    assert!(run("proxy domains prod-1").ok().out.contains("http://by-port.localhost"));
    assert_eq!(http::get(server.http_port, "by-port.localhost", "/v2/").unwrap().body, "{}");
    let proxy = run("proxy status prod-1 --json").ok().json();
    assert_eq!((proxy["set_up"].as_bool(), proxy["caddy"]["state"].as_str()), (Some(true), Some("up")), "{proxy}");
    run("proxy reload prod-1").ok();
    run("proxy remove http://by-port.localhost --server prod-1").ok();
    assert!(!run("proxy domains prod-1").ok().out.contains("by-port"));

    let image = "--image 127.0.0.1:5000/redis:7-alpine";
    run(&format!("db create --server prod-1 --name cache --type redis {image}")).ok().says(&["cache is running"]);
    assert!(run("db list --server prod-1").ok().out.contains("cache"));
    let well = run("doctor --json").ok().json();
    assert_eq!(well["ok"], true, "{well}");
    run("db destroy cache --server prod-1 --force").ok();

    run("app stop web --server prod-1").ok().says(&["web is stopped on prod-1"]);
    run("app destroy web --server prod-1 --force").ok();
    assert_eq!(server.exec("ls /opt/infrakt/apps; docker ps -aq"), "");
    run("server remove prod-1 --force").ok();
    assert_eq!(run("server list --json").ok().json().as_array().unwrap().len(), 0);
}

/// A login without root's rights is told so by everything that needs them, and by nothing else.
#[test]
fn a_login_that_may_not_become_root_is_named() {
    let server = TestServer::ready("plain");
    let home = Home::with(&[("prod-1", &server)]);
    let create = ["app", "create", "web", "--server", "prod-1", "--image", "127.0.0.1:5000/hello:v1", "--port", "8080"];
    home.run(&create).ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    home.run(&["server", "edit", "prod-1", "--user", "plain", "--offline"]).ok();
    for line in ["server status prod-1", "proxy status prod-1", "app logs web", "app restart web"] {
        let said = home.run(&line.split(' ').collect::<Vec<_>>());
        assert_ne!(said.status, 0, "{line}");
        let said = said.says(&["sudo", "NOPASSWD"]);
        assert!(!said.err.contains("answer of the server"), "{line}: {}", said.err);
    }
    let shown = home.run(&["app", "show", "web", "--json"]).ok().json();
    assert!(shown["containers_error"].as_str().unwrap_or_default().contains("sudo"), "{shown}");
    let found = home.run(&["doctor", "prod-1", "--json"]).exits(1).json();
    assert_eq!(found["findings"][0]["code"], "no_sudo", "{found}");
}

/// Faults of the first release: no environment file where there are no variables, the last one's file left, brackets in logs swallowed.
#[test]
fn what_is_deleted_goes_from_the_server_and_what_is_printed_comes_out_as_it_is() {
    let server = TestServer::ready("variables");
    let home = Home::with(&[("prod-1", &server)]);
    let run = |line: &str| home.run(&line.split(' ').collect::<Vec<_>>()).ok();
    run("app create web --server prod-1 --image 127.0.0.1:5000/hello:v1 --port 8080");
    let file = || server.exec("cd /opt/infrakt/apps/web && stat -Lc %a .env && cat .env");
    run("app deploy web --wait");
    assert_eq!(file(), "600");
    home.run(&["env", "set", "web", "VERSION=[info] [/x] [bold]"]).ok();
    run("app deploy web --wait");
    let logs = run("app logs web").out;
    assert!(logs.contains("app [info] [/x] [bold] starting\n"), "{logs}");
    assert_eq!(file().lines().count(), 2);
    run("env delete web VERSION");
    run("app deploy web --wait");
    assert_eq!(file(), "600");
    assert!(run("app logs web").out.contains("app v1 starting"));
}
