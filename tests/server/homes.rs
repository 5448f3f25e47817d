//! Two homes on one server: they take turns, and neither touches what is the other's.

use crate::support::cli::Home;
use crate::support::server::TestServer;

fn create(home: &Home, name: &str, image: &str) {
    let image = format!("127.0.0.1:5000/{image}");
    home.run(&["app", "create", name, "--server", "prod-1", "--image", &image, "--port", "8080"]).ok();
}

#[test]
fn two_homes_take_turns_and_an_app_of_the_others_name_is_refused_untouched() {
    let server = TestServer::ready("homes");
    let (ours, theirs) = (Home::with(&[("prod-1", &server)]), Home::with(&[("prod-1", &server)]));
    for name in ["a1", "a2", "a3"] {
        create(&ours, name, "hello:v1");
    }
    for name in ["b1", "b2", "b3"] {
        create(&theirs, name, "hello:v2");
    }
    let jobs: Vec<(&Home, i64)> = (1..=3)
        .flat_map(|n| {
            let a = ours.enqueue(&["app", "deploy", &format!("a{n}")]);
            let b = theirs.enqueue(&["app", "deploy", &format!("b{n}")]);
            [(&ours, a), (&theirs, b)]
        })
        .collect();
    for (home, job) in &jobs {
        let ended = home.wait_end(*job);
        assert_eq!(ended.state.as_str(), "succeeded", "{:?}\n{}", ended.failure, home.log(*job));
        assert_eq!(ended.attempt, 0, "waiting for the other home uses no attempt");
    }
    let ports = server.exec("docker ps --format '{{.Ports}}' | sed 's/.*:\\([0-9]*\\)->.*/\\1/' | sort -u | wc -l");
    assert_eq!(ports, "6");

    create(&theirs, "a1", "hello:v3");
    let before = server
        .exec("docker inspect -f '{{.Id}}' $(docker ps -q --filter label=infrakt.app=a1); ls -lR /opt/infrakt/apps/a1");
    theirs.run(&["app", "deploy", "a1", "--wait"]).exits(1).says(&["another infrakt"]);
    let after = server
        .exec("docker inspect -f '{{.Id}}' $(docker ps -q --filter label=infrakt.app=a1); ls -lR /opt/infrakt/apps/a1");
    assert_eq!(before, after);
}
