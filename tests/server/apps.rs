//! Apps that are there, on a real server: stopped, started, restarted, read, given another environment, destroyed.

use crate::support::cli::{Home, Said};
use crate::support::http;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// A home with one server and the app `web`, deployed from `hello:v1`.
fn with_web(server: &TestServer) -> Home {
    let home = Home::with(&[("prod-1", server)]);
    create(&home, "web", "hello:v1");
    home.run(&["env", "set", "web", "COLOUR=deep-blue-sea"]).ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    home
}

fn create(home: &Home, name: &str, image: &str) {
    let (image, domain) = (format!("127.0.0.1:5000/{image}"), format!("http://{name}.localhost"));
    let limits = ["--port", "8080", "--domain", &domain, "--health", "/up", "--health-timeout", "15s"];
    home.run(&[&["app", "create", name, "--server", "prod-1", "--image", &image], &limits[..]].concat()).ok();
}

fn visit(server: &TestServer, path: &str) -> String {
    http::get(server.http_port, "web.localhost", path).map(|answer| answer.body).unwrap_or_default()
}

/// Ids of the app's containers, with their states.
fn containers(server: &TestServer) -> String {
    server.exec("docker ps -a --no-trunc --filter label=infrakt.app=web --format '{{.ID}} {{.State}}'")
}

fn app(home: &Home, what: &str) -> Said {
    home.run(&["app", what, "web"])
}

#[test]
fn an_app_is_stopped_started_restarted_and_its_containers_stay_the_same() {
    let server = TestServer::ready("states");
    let home = with_web(&server);
    let first = containers(&server);
    let id = first.split(' ').next().unwrap().to_owned();

    app(&home, "stop").ok().says(&["web is stopped on prod-1"]);
    assert_eq!(containers(&server), format!("{id} exited"), "stopped and kept");
    assert_eq!(home.app("web", "status"), "stopped");
    app(&home, "stop").ok().says(&["nothing of web runs"]);
    // Neither docker nor a reboot starts what a person has stopped.
    server.docker("restart");
    assert_eq!(containers(&server), format!("{id} exited"));

    app(&home, "start").ok().says(&["web is running on prod-1", "200 from http://127.0.0.1:"]);
    assert_eq!(containers(&server), format!("{id} running"));
    assert_eq!(visit(&server, "/"), "hello v1\n");
    let began = || server.exec(&format!("docker inspect -f '{{{{.State.StartedAt}}}}' {id}"));
    let before = began();
    app(&home, "restart").ok().says(&["web is restarted on prod-1"]);
    assert_ne!(began(), before);
    assert_eq!((containers(&server), home.app("web", "status")), (format!("{id} running"), "running".to_owned()));

    // What somebody else took away comes back.
    server.exec(&format!("docker rm -f {id}"));
    app(&home, "restart").ok();
    assert_eq!(visit(&server, "/"), "hello v1\n");
    let shown = home.run(&["app", "show", "web", "--json"]).ok().json();
    assert_eq!(shown["containers"][0]["state"], "running");
    assert_eq!(shown["deployments"][0]["status"], "success");

    // Its image is gone: it says so, and the app is what it was.
    app(&home, "stop").ok();
    server.exec("docker rm $(docker ps -aq --filter label=infrakt.app=web); docker rmi -f $(docker images -q 127.0.0.1:5000/hello)");
    app(&home, "start")
        .exits(1)
        .says(&["an image of web was removed from prod-1", "hint: `infrakt app deploy web` brings it back"]);
    assert_eq!(home.app("web", "status"), "stopped");
    app(&home, "start").exits(1);
}

#[test]
fn logs_are_read_and_followed_beside_a_running_deploy() {
    let server = TestServer::ready("logs");
    let home = with_web(&server);
    let said = home.run(&["app", "logs", "web", "-n", "1"]).ok();
    assert_eq!(said.out, "app v1 listening on 8080\n");
    let all = home.run(&["app", "logs", "web", "--lines", "1000", "--json"]).ok().json();
    assert_eq!(all["logs"], "app v1 starting\napp v1 listening on 8080\n");
    home.run(&["app", "logs", "web", "--service", "wbe"])
        .exits(3)
        .says(&["`web` has no service `wbe`", "hint: its services are `web`"]);

    // A deploy that takes its time has the lane; the log does not wait for it.
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5001/big:v1"]).ok();
    let job = home.enqueue(&["app", "deploy", "web"]);
    home.wait_step(job, "fetch");
    let mut follower = home.command(&["app", "logs", "web", "-f", "-n", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "app v1 listening on 8080");
    assert!(!home.job(job).state.is_final());
    server.exec("echo 50000000 >/run/testbed-slow-rate");
    home.wait_end(job);
    // The new container's lines come too.
    let end = lines.find(|line| line.contains("listening") && !line.contains("v1"));
    assert_eq!(end.as_deref(), Some("app big listening on 8080"));
    // SAFETY: the child is ours and not waited for.
    unsafe { libc::kill(follower.id() as i32, libc::SIGINT) };
    assert_eq!(follower.wait().unwrap().code(), Some(0));
    server.wait_until("! pgrep -f '[d]ocker (logs|events)'");

    let mut follower =
        home.command(&["app", "logs", "web", "-f"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follower.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.next().unwrap();
    server.kill_ssh();
    let end = follower.wait_with_output().unwrap();
    assert_eq!(end.status.code(), Some(5), "{end:?}");
    assert!(String::from_utf8_lossy(&end.stderr).contains("lost prod-1"), "{end:?}");
}

#[test]
fn a_push_gives_the_present_environment_and_takes_it_back_where_the_app_cannot_live_with_it() {
    let server = TestServer::ready("push");
    let home = with_web(&server);
    let before = containers(&server);
    let push = || home.run(&["env", "push", "web"]);
    push().ok().says(&["web has its environment on prod-1"]);
    assert_eq!(containers(&server), before, "nothing changed, nothing is made anew");

    home.run(&["env", "set", "web", "COLOUR=crimson-and-gold"]).ok();
    push().ok();
    assert_ne!(containers(&server), before);
    assert_eq!(visit(&server, "/env/COLOUR"), "crimson-and-gold");
    assert_eq!(server.exec("stat -Lc '%a' /opt/infrakt/apps/web/.env"), "600");

    // What is pushed is what stood when it was asked for.
    home.run(&["env", "set", "web", "COLOUR=first-wish"]).ok();
    let job = home.enqueue(&["env", "push", "web"]);
    home.run(&["env", "set", "web", "COLOUR=later-thought"]).ok();
    home.wait_end(job);
    assert_eq!(visit(&server, "/env/COLOUR"), "first-wish");
    assert!(!home.log(job).contains("first-wish"));

    home.run(&["env", "set", "web", "EXIT_AT_ONCE=7"]).ok();
    push().exits(1).says(&["env push web on prod-1 failed at `health`"]);
    assert_eq!(visit(&server, "/env/COLOUR"), "first-wish");
    assert_eq!(home.app("web", "status"), "running");
    assert_eq!(server.exec("grep -c EXIT_AT_ONCE /opt/infrakt/apps/web/.env || :"), "0");

    // One that is stopped stays so, and starts with it.
    home.run(&["env", "delete", "web", "EXIT_AT_ONCE"]).ok();
    app(&home, "stop").ok();
    push().ok();
    assert!(!containers(&server).contains("running"));
    assert_eq!(home.app("web", "status"), "stopped");
    app(&home, "start").ok();
    assert_eq!(visit(&server, "/env/COLOUR"), "later-thought");
}

#[test]
fn a_destroyed_app_is_gone_from_the_server_and_from_here_and_nothing_else_is() {
    let server = TestServer::ready("gone");
    let home = with_web(&server);
    create(&home, "other", "hello:v2");
    home.run(&["app", "deploy", "other", "--wait"]).ok();
    server.exec("docker volume create --label com.docker.compose.project=infrakt-web web-data");
    home.run(&["app", "destroy", "web"]).exits(2).says(&["destroy web on prod-1; volumes stay?", "`--yes`"]);
    home.run(&["app", "destroy", "web", "--force"]).ok().says(&["web is gone from prod-1", "kept: web-data"]);
    assert_eq!(containers(&server), "");
    assert_eq!(server.exec("ls /opt/infrakt/apps; docker volume ls -q"), "other\nweb-data");
    assert_eq!(server.exec("grep -c web.localhost /opt/infrakt/caddy/Caddyfile || :"), "0");
    assert_eq!(http::get(server.http_port, "other.localhost", "/").unwrap().body, "hello v2\n");
    home.run(&["app", "show", "web"]).exits(3);
    assert!(!home.path().join("envs/1.json").exists());
    assert_eq!(home.run(&["app", "list", "--json"]).ok().json().as_array().unwrap().len(), 1);

    // The same name again: another id, no environment, and the volume still there.
    create(&home, "web", "hello:v1");
    assert_eq!(home.app("web", "id"), "3");
    home.run(&["env", "list", "web", "--json"]).ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    home.run(&["app", "destroy", "web", "--yes", "--volumes"]).ok();
    assert_eq!(server.exec("ls /opt/infrakt/apps; docker volume ls -q"), "other");
}

#[test]
fn a_destroy_whose_process_is_killed_goes_on_and_one_that_is_cancelled_gives_the_app_back() {
    let server = TestServer::ready("halfway");
    let home = with_web(&server);
    // Stopping takes its time: deaf to SIGTERM.
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5000/hello:deaf"]).ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();

    let job = home.enqueue(&["app", "destroy", "web", "--yes"]);
    home.wait_step(job, "remove");
    home.run(&["app", "deploy", "web"]).exits(4).says(&["web is being destroyed: job"]);
    home.run(&["job", "cancel", &job.to_string()]).ok();
    assert_eq!(home.wait_end(job).state, JobState::Cancelled, "{}", home.log(job));
    assert_eq!((visit(&server, "/").as_str(), home.app("web", "status").as_str()), ("hello deaf\n", "running"));

    let waiting = home.start(&["app", "destroy", "web", "--yes", "--volumes"]);
    let job = job + 1;
    home.wait_step(job, "remove");
    server.wait_until("systemctl is-active 'infrakt-*-2-1.service'");
    waiting.kill();
    home.run(&["job", "follow", &job.to_string()]).ok().says(&["web is gone from prod-1"]);
    assert_eq!(home.runs(job), ["route 1 succeeded", "remove 1 succeeded"]);
    assert_eq!((containers(&server).as_str(), server.exec("ls /opt/infrakt/apps").as_str()), ("", ""));
    home.run(&["app", "show", "web"]).exits(3);
}

#[test]
fn an_app_whose_server_is_gone_is_forgotten_also_under_its_living_job() {
    let server = TestServer::ready("lost");
    let home = with_web(&server);
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5001/big:v1"]).ok();
    let job = home.enqueue(&["app", "deploy", "web"]);
    home.wait_step(job, "fetch");
    let _cut = server.cut();
    let said = home.run(&["app", "destroy", "web", "--local", "--yes"]).ok();
    assert_eq!(said.out, "web is forgotten here; what is on prod-1 stays there\n");
    said.says(&[&format!("job {job} had begun and was given up"), "/opt/infrakt/apps/web"]);
    let ended = home.job(job);
    assert_eq!((ended.state, ended.failure.unwrap().code), (JobState::Failed, "abandoned".to_owned()));
    home.run(&["app", "list", "--json"]).ok();
    home.run(&["server", "remove", "prod-1", "--yes"]).ok();
}
