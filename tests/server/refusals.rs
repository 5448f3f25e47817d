//! Servers that are not there, silent, or not who they were; logins that are refused.

use crate::support::cli::{Home, stray_key};
use crate::support::proxy::Proxy;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;

fn with_app(home: &Home) {
    home.run(&["app", "create", "web", "--server", "prod-1", "--image", "127.0.0.1:5000/hello:v1", "--port", "8080"])
        .ok();
}

#[test]
fn a_changed_host_key_pauses_the_lane_until_it_is_trusted() {
    let server = TestServer::ready("hostkey");
    let home = Home::with(&[("prod-1", &server)]);
    with_app(&home);
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    let shown = home.run(&["server", "show", "prod-1", "--json"]).ok().out;
    server.exec("rm /etc/ssh/ssh_host_*; ssh-keygen -A >/dev/null; systemctl restart ssh");
    home.run(&["env", "set", "web", "A=1"]).ok();
    let said = home.run(&["app", "deploy", "web", "--wait"]).exits(5).says(&["server trust prod-1", "SHA256:"]);
    let old = shown.split("SHA256:").nth(1).unwrap().split(['"', ' ']).next().unwrap();
    assert!(said.err.contains(old) && said.err.matches("SHA256:").count() >= 2, "both fingerprints: {}", said.err);
    assert_eq!(home.job(2).state, JobState::Queued);
    home.run(&["job", "list"]).ok();
    home.run(&["server", "trust", "prod-1", "--yes"]).ok();
    home.run(&["job", "follow", "2"]).ok().says(&["web is running on prod-1"]);
}

#[test]
fn a_refused_login_fails_at_once() {
    let server = TestServer::ready("login");
    let home = Home::with(&[("prod-1", &server)]);
    with_app(&home);
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    server.exec("mv /root/.ssh/authorized_keys /root/.ssh/kept");
    home.run(&["env", "set", "web", "A=1"]).ok();
    home.run(&["app", "deploy", "web", "--wait"]).exits(5).says(&["refuses the login", "authorized_keys"]);
    let failure = home.job(2).failure.unwrap();
    assert_eq!((failure.class_and_code().as_str(), home.job(2).attempt), ("permanent/login_refused", 0));
    assert_eq!(home.app("web", "status"), "running", "the version before serves");
    server.exec("mv /root/.ssh/kept /root/.ssh/authorized_keys");
    home.run(&["job", "retry", "2"]).ok();

    let key = stray_key(home.path()).display().to_string();
    let port = server.port.to_string();
    home.run(&["server", "add", "prod-2", "--host", &server.host, "--port", &port, "--key", &key, "--yes"]).exits(5);
    home.run(&["server", "show", "prod-2"]).exits(3);
    server.unban();
}

#[test]
fn a_server_that_is_down_or_silent_is_tried_some_times_and_said_to_be_unreachable() {
    let server = TestServer::ready("down");
    let proxy = Proxy::to_port(server.port);
    let home = Home::new();
    home.add("prod-1", &server, proxy.port()).ok();
    with_app(&home);
    proxy.refuse();
    let said = home.run(&["app", "deploy", "web", "--wait"]).exits(5).says(&["cannot connect to prod-1"]);
    assert!(said.err.contains(". next try in "), "{}", said.err);
    assert_eq!(home.job(1).failure.unwrap().class_and_code(), "transient/unreachable");
    assert_eq!(home.app("web", "status"), "error");
    proxy.heal();
    proxy.swallow();
    let silent =
        home.run(&["server", "add", "prod-2", "--host", "127.0.0.1", "--port", &proxy.port().to_string(), "--yes"]);
    silent.exits(5);
    proxy.heal();
    home.run(&["job", "retry", "1", "--wait"]).ok().says(&["web is running on prod-1"]);
}

#[test]
fn a_server_that_moved_is_followed_by_an_edit_and_one_that_is_gone_can_be_forgotten() {
    let server = TestServer::ready("moved");
    let proxy = Proxy::to_port(server.port);
    let home = Home::new();
    home.add("prod-1", &server, proxy.port()).ok();
    home.run(&["server", "ssh", "prod-1", "--", "hostname; exit 3"]).exits(3);
    // A change of routes meets a line that is down; the edit shows it the other way, and the job that waits goes on.
    proxy.refuse();
    let job = home.enqueue(&["proxy", "add", "http://a.localhost", "--server", "prod-1", "--port", "9000"]);
    home.run(&["server", "edit", "prod-1", "--user", "admin"]).exits(5).says(&["nothing was changed"]);
    home.run(&["server", "edit", "prod-1", "--port", &server.port.to_string(), "--user", "admin"]).ok();
    home.run(&["job", "follow", &job.to_string()]).ok();
    assert!(home.run(&["server", "ssh", "prod-1", "--", "id -un"]).ok().out.starts_with("admin"));
    let status = home.run(&["proxy", "status", "prod-1", "--json"]).ok().json();
    assert_eq!(status["routes"][0]["state"], "in_place");

    // Gone in the middle of a step.
    with_app(&home);
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5001/big:v1"]).ok();
    home.run(&["server", "edit", "prod-1", "--port", &proxy.port().to_string(), "--offline"]).ok();
    proxy.heal();
    let deploy = home.enqueue(&["app", "deploy", "web"]);
    home.wait_step(deploy, "fetch");
    home.run(&["server", "remove", "prod-1", "--force"]).exits(4);
    proxy.refuse();
    proxy.reset();
    home.run(&["server", "remove", "prod-1"]).exits(4).says(&[&format!("job {deploy}")]);
    home.run(&["server", "remove", "prod-1", "--force"]).ok().says(&["was not looked at"]);
    assert_eq!(home.job(deploy).state, JobState::Failed);
    home.run(&["job", "follow", &deploy.to_string()]).exits(1);
    home.run(&["server", "show", "prod-1"]).exits(3);
    home.run(&["job", "retry", &deploy.to_string()]).exits(4);
}
