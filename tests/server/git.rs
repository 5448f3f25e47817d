//! Deploys from git repositories on a real server: fetched, built and started there, again and again, by branch, tag and commit.

use crate::support::cli::{Home, Said};
use crate::support::http;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;

pub const HELLO: &str = "git://127.0.0.1/hello.git";

/// A home with one server and the app `web` of this repository, recorded but not deployed.
pub fn with_app(server: &TestServer, url: &str) -> Home {
    let home = Home::with(&[("prod-1", server)]);
    create(&home, "web", url).ok();
    home
}

pub fn create(home: &Home, name: &str, url: &str) -> Said {
    let domain = format!("http://{name}.localhost");
    let settings = ["--port", "8080", "--domain", &domain, "--health", "/up", "--health-timeout", "15s"];
    home.run(&[&["app", "create", name, "--server", "prod-1", "--git", url][..], &settings].concat())
}

pub fn deploy(home: &Home, more: &[&str]) -> Said {
    home.run(&[&["app", "deploy", "web", "--wait"], more].concat())
}

/// What a visitor gets through Caddy.
pub fn visit(server: &TestServer, path: &str) -> String {
    http::get(server.http_port, "web.localhost", path).unwrap().body
}

/// The newest deployment as it is shown.
pub fn last_deployment(home: &Home) -> serde_json::Value {
    home.run(&["app", "deployments", "web", "--json"]).ok().json()[0].clone()
}

/// Ids of the images that infrakt built, the newest first.
fn built(server: &TestServer) -> Vec<String> {
    let ids = server.exec("docker images --no-trunc --format '{{.Repository}}:{{.Tag}}' | grep ^infrakt/ || :");
    ids.lines().map(str::to_owned).collect()
}

#[test]
fn a_repository_is_deployed_again_with_another_environment_branch_tag_and_commit() {
    let server = TestServer::ready("git");
    let home = with_app(&server, HELLO);
    home.run(&["env", "set", "web", "COLOUR=deep-blue-sea"]).ok();
    deploy(&home, &[]).ok().says(&["fetch", "build", "web is running on prod-1", "second version"]);
    assert_eq!(visit(&server, "/"), "hello git-v2\n");
    assert_eq!(visit(&server, "/env/COLOUR"), "deep-blue-sea");
    assert_eq!(
        home.runs(1),
        ["fetch 1 succeeded", "build 1 succeeded", "start 1 succeeded", "health 1 succeeded", "route 1 succeeded"]
    );
    let main = server.exec("git -C /srv/git/hello.git rev-parse main");
    let deployment = last_deployment(&home);
    assert_eq!(
        (deployment["commit_hash"].as_str(), deployment["commit_subject"].as_str()),
        (Some(&*main), Some("second version"))
    );
    let image = server.exec("docker inspect -f '{{.Id}}' infrakt/infrakt-web:1");
    assert_eq!(deployment["images"]["web"], image);
    assert!(server.exec("cat /opt/infrakt/apps/web/current/infrakt.yml").contains(&image));
    assert_eq!(server.exec("docker inspect -f '{{.Image}}' $(docker ps -q)"), image);
    let labels =
        server.exec("docker inspect -f '{{range $k, $v := .Config.Labels}}{{$k}} {{end}}' infrakt/infrakt-web:1");
    assert_eq!(labels, "infrakt.app infrakt.deployment infrakt.installation infrakt.job");
    // Who is not root in an image can read what was copied into it.
    assert_eq!(server.exec("docker run --rm -u 65534 infrakt/infrakt-web:1 cat /bin/answer | head -n 1"), "#!/bin/sh");
    let shown = home.run(&["app", "show", "web"]).ok().out;
    assert!(shown.contains(&format!("{} second version", &main[..8])), "{shown}");

    // Another environment alone: the same commit, the same files, another container.
    home.run(&["env", "set", "web", "COLOUR=pale-green-lake"]).ok();
    deploy(&home, &[]).ok();
    assert_eq!(visit(&server, "/env/COLOUR"), "pale-green-lake");
    let (once, kept) = (deploy(&home, &["--branch", "next"]).ok(), last_deployment(&home));
    assert!(once.err.contains("next version"), "{}", once.err);
    assert_eq!((visit(&server, "/"), kept["branch"].as_str()), ("hello git-next\n".to_owned(), Some("next")));
    // That was for once.
    deploy(&home, &[]).ok();
    assert_eq!(visit(&server, "/"), "hello git-v2\n");
    deploy(&home, &["--branch", "v1"]).ok();
    assert_eq!(visit(&server, "/"), "hello git-v1\n");
    deploy(&home, &["--commit", &main]).ok();
    assert_eq!(visit(&server, "/"), "hello git-v2\n");
    let first = server.exec("git -C /srv/git/hello.git rev-parse v1");
    deploy(&home, &["--commit", &first[..10]]).ok();
    assert_eq!(visit(&server, "/"), "hello git-v1\n");
    assert_eq!(last_deployment(&home)["commit_hash"], first);
    home.run(&["app", "edit", "web", "--branch", "next"]).ok();
    deploy(&home, &[]).ok();
    assert_eq!(visit(&server, "/"), "hello git-next\n");

    // The last five releases stay, and their images with them; nothing else does.
    assert_eq!(server.exec("ls /opt/infrakt/apps/web/releases | sort -n | xargs"), "4 5 6 7 8");
    let names: Vec<_> = (4..=8).rev().map(|n| format!("infrakt/infrakt-web:{n}")).collect();
    let mut there = built(&server);
    there.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(there, names);

    // Over plain http files, without any depth, into a folder that another address filled.
    home.run(&["app", "edit", "web", "--git", "http://127.0.0.1:8418/hello.git"]).ok();
    deploy(&home, &[]).ok();
    assert_eq!(visit(&server, "/"), "hello git-v2\n");
    assert_eq!(server.exec("git -C /opt/infrakt/apps/web/repo status --porcelain"), "");
}

#[test]
fn a_cancelled_build_leaves_nothing_and_one_whose_process_is_killed_goes_on_and_is_not_begun_again() {
    let server = TestServer::ready("build");
    let home = with_app(&server, HELLO);
    let under_way = |id: i64| {
        home.wait("the build says something", id, |job| job.state.is_final() || home.log(job.id).contains("tick 3"));
        assert_eq!(home.job(id).state, JobState::Running, "{}", home.log(id));
    };
    let waiting = home.start(&["app", "deploy", "web", "--branch", "slow", "--wait"]);
    under_way(1);
    home.run(&["job", "cancel", "1"]);
    assert_eq!(home.wait_end(1).state, JobState::Cancelled, "{}", home.log(1));
    assert_eq!(waiting.wait(), Some(6));
    assert_eq!((server.exec("ls /opt/infrakt/apps"), built(&server)), (String::new(), Vec::new()));
    server.wait_until("! pgrep -f 'echo [t]ick'");

    let waiting = home.start(&["app", "deploy", "web", "--branch", "slow", "--wait"]);
    under_way(2);
    waiting.kill();
    // As the server has it, kept when the build is over and its folder not yet released.
    let keeper = "for i in $(seq 300); do cp /var/lib/infrakt/steps/*-2-1/log /root/log 2>/dev/null; cat /var/lib/infrakt/steps/*-2-1/exit 2>/dev/null && break; sleep 0.2; done; cp /var/lib/infrakt/steps/*-2-1/log /root/log || :";
    server.exec(&format!("systemd-run -q --unit keeper sh -c '{keeper}'"));
    home.run(&["job", "follow", "2"]).ok().says(&["web is running on prod-1"]);
    assert_eq!(home.job(2).state, JobState::Succeeded);
    assert!(home.runs(2).contains(&"build 1 succeeded".to_owned()), "{:?}", home.runs(2));
    let stored = home.step_log(2, 2);
    let there = server.try_exec("cat /root/log").stdout;
    assert!(!there.is_empty() && stored == there, "{} bytes stored, {} there", stored.len(), there.len());
    assert_eq!(String::from_utf8_lossy(&stored).matches("tick 30").count(), 1);
    assert_eq!(built(&server), ["infrakt/infrakt-web:2"]);
}
