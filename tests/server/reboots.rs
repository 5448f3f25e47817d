//! Servers that go down in the middle of a deploy, docker stopped or restarted under it: it goes on and ends right.

use crate::support::cli::Home;
use crate::support::http;
use crate::support::server::{Reboot, TestServer};
use infrakt::domain::job::JobState;

fn with_app(server: &TestServer, image: &str) -> Home {
    let home = Home::with(&[("prod-1", server)]);
    let create = ["app", "create", "web", "--server", "prod-1", "--image", image, "--port", "8080"];
    home.run(&[&create[..], &["--domain", "http://web.localhost", "--health", "/up"]].concat()).ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    home
}

/// The deploy succeeds, this version serves alone, and nothing is left of what was lost.
#[track_caller]
fn assert_deployed(server: &TestServer, home: &Home, job: i64, version: &str) {
    let ended = home.wait_end(job);
    assert_eq!(ended.state, JobState::Succeeded, "{:?}\n{:?}\n{}", ended.failure, home.runs(job), home.log(job));
    server.wait_until("curl -fsS -o /dev/null http://127.0.0.1/ -H 'Host: web.localhost'");
    assert_eq!(http::get(server.http_port, "web.localhost", "/").unwrap().body, format!("hello {version}\n"));
    assert_eq!(server.exec("docker ps -a --format '{{.State}}'"), "running");
    let deployment = ended.deployment_id.unwrap();
    assert_eq!(server.exec("readlink /opt/infrakt/apps/web/current"), format!("releases/{deployment}"));
    assert_eq!(server.exec("ls /opt/infrakt/apps/web/releases | grep -vEx '[0-9]+' || :"), "");
    assert_eq!(
        server.exec("systemctl list-units --all --plain --no-legend 'infrakt-*' | wc -l; ls /var/lib/infrakt/steps"),
        "0"
    );
    assert_eq!(home.app("web", "status"), "running");
    println!("{version}: {:?}", home.runs(job));
}

#[test]
fn a_reboot_in_any_step_of_a_deploy_costs_only_time() {
    let server = TestServer::ready("in-steps");
    let home = with_app(&server, "127.0.0.1:5000/hello:deaf");
    let mut how = [Reboot::Hard, Reboot::Soft].into_iter().cycle();
    let mut reboot_in = |step: &str, image: &str, version: &str, under_way: &str, prepare: &str| {
        server.exec(prepare);
        home.run(&["app", "edit", "web", "--image", image]).ok();
        let job = home.enqueue(&["app", "deploy", "web"]);
        home.wait_step(job, step);
        server.wait_until(under_way);
        server.reboot(how.next().unwrap());
        assert_deployed(&server, &home, job, version);
        let runs = home.runs(job);
        assert!(runs.contains(&format!("{step} 1 lost")) && runs.contains(&format!("{step} 2 succeeded")), "{runs:?}");
    };
    // The one before does not hear SIGTERM: its end takes 10 s.
    reboot_in("start", "127.0.0.1:5000/hello:delay", "delay", "pgrep -f '[d]ocker compose .* up' && sleep 2", "true");
    reboot_in("fetch", "127.0.0.1:5001/hello:v2-big", "v2", "pgrep -fx 'docker pull .*'", "true");
    reboot_in(
        "health",
        "127.0.0.1:5000/hello:delay",
        "delay",
        "docker ps --format '{{.Image}} {{.State}}' | grep -q running",
        "true",
    );
    let locked = "systemd-run --unit holder flock /var/lib/infrakt/caddy.lock sleep 1000";
    reboot_in("route", "127.0.0.1:5000/hello:v1", "v1", "pgrep -fx 'flock -w 60 8'", locked);
}

#[test]
fn a_docker_that_is_stopped_or_restarted_is_waited_for() {
    let server = TestServer::ready("dockerd");
    let home = with_app(&server, "127.0.0.1:5000/hello:v1");
    let ask = |image: &str| {
        home.run(&["app", "edit", "web", "--image", image]).ok();
        home.enqueue(&["app", "deploy", "web"])
    };
    server.exec("systemctl stop docker.socket docker");
    let job = ask("127.0.0.1:5000/hello:v2");
    let waiting = home.wait("it backs off", job, |job| job.state == JobState::Queued && job.attempt == 1);
    assert!(waiting.wait_reason.as_ref().unwrap().contains("docker on prod-1 does not answer"), "{waiting:?}");
    server.docker("start docker.socket");
    assert_deployed(&server, &home, job, "v2");

    // In the middle of a pull, of the health check …
    let job = ask("127.0.0.1:5001/hello:v2-big");
    home.wait_step(job, "fetch");
    server.wait_until("pgrep -fx 'docker pull .*'");
    server.docker("restart");
    assert_deployed(&server, &home, job, "v2");
    let job = ask("127.0.0.1:5000/hello:delay");
    home.wait_step(job, "health");
    server.docker("restart");
    assert_deployed(&server, &home, job, "delay");

    // … and of a start, where the one before does not hear SIGTERM and its end takes 10 s. A docker that is restarted there may still do
    // what it was asked for; one that is killed does not.
    let deaf = ask("127.0.0.1:5000/hello:deaf");
    assert_deployed(&server, &home, deaf, "deaf");
    home.run(&["env", "set", "web", "N=1"]).ok();
    for (how, version) in [("restart", "deaf"), ("kill --signal=KILL", "v1")] {
        let job = ask(&format!("127.0.0.1:5000/hello:{version}"));
        home.wait_step(job, "start");
        // The new container is there, under its name for the time between.
        server.wait_until("docker ps -a --format '{{.Names}}' | grep -q '_infrakt-web-web-1$'");
        server.docker(how);
        assert_deployed(&server, &home, job, version);
        let hurt = home.runs(job).contains(&"start 1 failed".to_owned());
        assert!(hurt || how == "restart", "{:?}\n{}", home.runs(job), home.log(job));
    }
}
