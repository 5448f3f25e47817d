//! `infrakt proxy …`

use crate::world::World;
use insta::assert_snapshot;

#[test]
fn routes_are_recorded_with_their_job_and_listed() {
    let mut world = World::with_web();
    world
        .run("proxy domains prod-1")
        .run("proxy domains prod-1 --json")
        .run("proxy add Web.example.com --server prod-1 --app web --no-wait")
        .run("proxy add *.example.com --server prod-1 --port 9000 --no-wait --json")
        .run("proxy add http://intern --server prod-1 --app prod-1/web --no-wait")
        .run("proxy add *.example.com --server prod-1 --port 9001 --no-wait")
        .run("proxy domains prod-1")
        .run("proxy domains prod-1 --json")
        .run("app show web")
        .run("app edit web --domain other.example.com")
        .run("proxy domains prod-1")
        .run("proxy remove other.example.com --server prod-1 --no-wait")
        .run("proxy reload prod-1 --no-wait")
        .run("proxy setup prod-1 --no-wait --json")
        .run("proxy setup prod-1 --no-wait")
        .run("app show web --json")
        .run("job list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_job_that_does_not_do_it_takes_its_routes_back() {
    let mut world = World::with_web();
    world.quiet(&["proxy", "add", "a.example.com", "--server", "prod-1", "--app", "web", "--no-wait"]);
    world.quiet(&["proxy", "add", "b.example.com", "--server", "prod-1", "--port", "9000", "--no-wait"]);
    world.run("proxy domains prod-1").run("job cancel 1").run("proxy domains prod-1").run("app show web");
    world.run("job retry 1").run("proxy domains prod-1").run("job cancel 2");
    world.quiet(&["app", "edit", "web", "--domain", "b.example.com"]);
    world.run("job retry 2").run("proxy domains prod-1");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_cannot_be_a_route_is_refused() {
    let mut world = World::with_web();
    world.server("prod-2").app("web", "prod-2");
    world.quiet(&["app", "edit", "prod-1/web", "--domain", "web.example.com"]);
    world
        .run("proxy add a.b --server prod-1")
        .run("proxy add a.b --server prod-1 --port 1 --app web")
        .run("proxy add a.b --port 80")
        .run("proxy add a_b --server prod-1 --port 80")
        .run("proxy add \"a.b { x\" --server prod-1 --port 80")
        .run("proxy add a.b --server prod-1 --port 0")
        .run("proxy add a.b --server prod-1 --port 99999")
        .run("proxy add a.b --server none --port 80")
        .run("proxy add a.b --server prod-1 --app wbe")
        .run("proxy add a.b --server prod-1 --app prod-2/web")
        .run("proxy add web.example.com --server prod-1 --port 80")
        .run("proxy add web.example.com --server prod-1 --port 80 --adopt --json")
        .run("proxy add a.b --server prod-1 --app web --adopt")
        .run("proxy remove web.exmaple.com --server prod-1")
        .run("proxy remove x --server prod-1")
        .run("proxy remove web.example.com --server prod1")
        .run("proxy domains prod1")
        .run("proxy setup prod1")
        .run("proxy reload prod1")
        .run("proxy status prod1")
        .run("job list --all --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_that_is_down_is_said_and_nothing_is_recorded() {
    let mut world = World::new();
    world.server("prod-1");
    world.run("proxy status prod-1").run("proxy status prod-1 --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn many_at_once_gather_in_one_job_and_nothing_is_lost() {
    let world = World::with_web();
    std::thread::scope(|scope| {
        for process in 0..10 {
            let world = &world;
            scope.spawn(move || {
                for n in 0..20 {
                    let domain = format!("r{process}-{n}.example.com");
                    world.quiet(&["proxy", "add", &domain, "--server", "prod-1", "--app", "web", "--no-wait"]);
                }
            });
        }
    });
    let json = |args: &[&str]| -> serde_json::Value { serde_json::from_slice(&world.quiet(args).stdout).unwrap() };
    assert_eq!(json(&["proxy", "domains", "prod-1", "--json"]).as_array().unwrap().len(), 200);
    assert_eq!(json(&["job", "list", "--json"]).as_array().unwrap().len(), 1);
    assert_eq!(json(&["app", "show", "web", "--json"])["domains"].as_array().unwrap().len(), 200);
    world.quiet(&["job", "cancel", "1"]);
    assert_eq!(json(&["proxy", "domains", "prod-1", "--json"]).as_array().unwrap().len(), 0);
}
