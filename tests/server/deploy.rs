//! Deploys of an image on a real server: the good ones, each way they fail, cancel, and what serves afterwards.

use crate::support::cli::Home;
use crate::support::http;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;

/// A home with one server and the app `web` of this sample image, recorded but not deployed.
fn with_app(server: &TestServer, image: &str) -> Home {
    let home = Home::with(&[("prod-1", server)]);
    let image = image_name(image);
    home.run(&[
        "app",
        "create",
        "web",
        "--server",
        "prod-1",
        "--image",
        &image,
        "--port",
        "8080",
        "--domain",
        "http://web.localhost",
        "--health",
        "/up",
        "--health-timeout",
        "15s",
    ])
    .ok();
    home
}

fn image_name(image: &str) -> String {
    format!("127.0.0.1:5000/{image}")
}

fn deploy(home: &Home) -> crate::support::cli::Said {
    home.run(&["app", "deploy", "web", "--wait"])
}

/// What a visitor gets through Caddy.
fn visit(server: &TestServer, path: &str) -> String {
    http::get(server.http_port, "web.localhost", path).unwrap().body
}

fn last_job(home: &Home) -> i64 {
    let list = home.run(&["job", "list", "--all", "--json"]).ok().json();
    list.as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).max().unwrap()
}

/// Nothing of this failed or cancelled deploy is left, and `v1` serves.
#[track_caller]
fn assert_v1_serves_alone(server: &TestServer, home: &Home) {
    assert_eq!(visit(server, "/"), "hello v1\n");
    assert_eq!(home.app("web", "status"), "running");
    let containers = server.exec("docker ps -a --format '{{.Label \"infrakt.app\"}} {{.State}}'");
    assert_eq!(containers, "web running");
    assert_eq!(server.exec("ls /opt/infrakt/apps/web/releases"), "1");
    assert_eq!(server.exec("readlink /opt/infrakt/apps/web/current"), "releases/1");
}

#[test]
fn an_image_is_deployed_redeployed_and_reached_through_caddy() {
    let server = TestServer::ready("deploy");
    let home = with_app(&server, "hello:v1");
    let nasty = "line one\nline \"two\" 'three' $HOME ${X} #no \\ ünï = end";
    home.run(&["env", "set", "web", &format!("NASTY={nasty}"), "EMPTY="]).ok();
    deploy(&home).ok().says(&["web is running on prod-1", "http://web.localhost"]);
    assert_eq!(visit(&server, "/"), "hello v1\n");
    assert_eq!(visit(&server, "/env/NASTY"), nasty);
    assert_eq!(server.exec("stat -c %a /opt/infrakt/apps/web/.env -L"), "600");
    assert_eq!(home.app("web", "status"), "running");

    home.run(&["env", "set", "web", "COLOUR=deep-blue-sea"]).ok();
    home.run(&["app", "edit", "web", "--image", &image_name("hello:v2")]).ok();
    deploy(&home).ok();
    assert_eq!(visit(&server, "/"), "hello v2\n");
    assert_eq!(visit(&server, "/env/COLOUR"), "deep-blue-sea");
    assert!(!home.log(last_job(&home)).contains("deep-blue-sea"));
    let deployments = home.run(&["app", "deployments", "web", "--json"]).ok().json();
    let words: Vec<_> =
        deployments.as_array().unwrap().iter().map(|d| d["status"].as_str().unwrap().to_owned()).collect();
    assert_eq!(words, ["success", "success"]);
}

#[test]
fn what_goes_wrong_says_so_and_the_version_before_serves() {
    let server = TestServer::ready("wrong");
    let home = with_app(&server, "hello:v1");
    deploy(&home).ok();
    let cases: [(&str, &str, &[&str]); 4] = [
        ("hello:nope", "fetch", &["error: deploy web on prod-1 failed at `fetch`", "hint: "]),
        ("hello:exits", "start", &["exit code 7", "fatal: cannot go on"]),
        ("hello:mute", "health", &["failed at `health`"]),
        ("hello:unhealthy", "health", &["failed at `health`", "500"]),
    ];
    for (image, step, texts) in cases {
        println!("{image}");
        home.run(&["app", "edit", "web", "--image", &image_name(image)]).ok();
        deploy(&home).exits(1).says(texts);
        let job = home.job(last_job(&home));
        assert_eq!(job.state, JobState::Failed);
        assert!(home.runs(job.id).contains(&format!("{step} 1 failed")), "{:?}", home.runs(job.id));
        assert_v1_serves_alone(&server, &home);
        let shown = home.run(&["deployment", "show", &job.deployment_id.unwrap().to_string(), "--json"]).ok().json();
        assert_eq!(shown["status"], "failed");
    }
}

#[test]
fn a_first_deploy_that_fails_leaves_nothing_and_an_app_in_error() {
    let server = TestServer::ready("first");
    let home = with_app(&server, "hello:exits");
    deploy(&home).exits(1);
    assert_eq!(home.app("web", "status"), "error");
    assert_eq!(server.exec("docker ps -aq | wc -l; ls /opt/infrakt/apps/web/releases | wc -l"), "0\n0");
    home.run(&["app", "edit", "web", "--image", &image_name("hello:v1")]).ok();
    deploy(&home).ok();
    assert_eq!(visit(&server, "/"), "hello v1\n");
}

#[test]
fn a_cancel_in_the_middle_of_a_pull_or_of_the_health_check_leaves_the_version_before_and_the_next_job_starts() {
    let server = TestServer::ready("stop");
    let home = with_app(&server, "hello:v1");
    deploy(&home).ok();
    for (image, step) in [("127.0.0.1:5001/big:v1", "fetch"), ("127.0.0.1:5000/hello:mute", "health")] {
        home.run(&["app", "edit", "web", "--image", image]).ok();
        let job = home.enqueue(&["app", "deploy", "web"]);
        home.wait_step(job, step);
        if step == "fetch" {
            server.wait_until("pgrep -fx 'docker pull .*'");
        }
        home.run(&["job", "cancel", &job.to_string()]);
        let ended = home.wait_end(job);
        assert_eq!(ended.state, JobState::Cancelled, "{:?}\n{}", ended.failure, home.log(job));
        assert!(home.runs(job).contains(&format!("{step} 1 cancelled")), "{:?}", home.runs(job));
        home.run(&["job", "follow", &job.to_string()]).exits(6);
        assert_v1_serves_alone(&server, &home);
        assert_eq!(server.try_exec("pgrep -fx 'docker pull .*'").status.code(), Some(1));
        assert_eq!(server.exec("systemctl list-units --plain --no-legend 'infrakt-*' | wc -l"), "0");
    }
    home.run(&["app", "edit", "web", "--image", &image_name("hello:v2")]).ok();
    deploy(&home).ok();
    assert_eq!(visit(&server, "/"), "hello v2\n");
}

#[test]
fn a_deploy_whose_process_is_killed_goes_on_with_the_command_that_follows_it() {
    let server = TestServer::ready("follow");
    let home = with_app(&server, "hello:v1");
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5001/big:v1", "--health", ""]);
    let waiting = home.start(&["app", "deploy", "web", "--wait"]);
    home.wait_step(1, "fetch");
    server.wait_until("pgrep -fx 'docker pull .*'");
    waiting.kill();
    server.exec("echo 50000000 >/run/testbed-slow-rate");
    home.run(&["job", "follow", "1"]).ok().says(&["web is running on prod-1"]);
    assert_eq!(home.runs(1), ["fetch 1 succeeded", "start 1 succeeded", "health 1 succeeded", "route 1 succeeded"]);
}
