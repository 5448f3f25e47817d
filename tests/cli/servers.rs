//! `infrakt server …`

use crate::hand::Hand;
use crate::world::World;
use infrakt::queue::finish::Ending;
use insta::assert_snapshot;

#[test]
fn servers_are_recorded_listed_and_shown() {
    let mut world = World::new();
    world
        .run("server list")
        .run("server list --json")
        .run("server add prod-1 --host 127.0.0.1 --port 1 --offline")
        .run("server add --name prod-2 --host web.example --user admin --provider Hetzner --key ~/.ssh/prod --offline --json")
        .run("server list")
        .run("server show prod-2")
        .run("server show prod-1 --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_cannot_be_a_server_is_refused() {
    let mut world = World::new();
    world.server("prod-1");
    world
        .run("server add")
        .run("server add prod-2")
        .run("server add prod-1 --host b --offline")
        .run("server add -x --host b --offline")
        .run("server add \"a b\" --host b --offline")
        .run("server add a --host \"b;c\" --offline")
        .run("server add a --host b --user \"x y\" --offline")
        .run("server add a --host b --port 0 --offline")
        .run("server add a --host b --port 99999 --offline")
        .run("server add a --name b --host c")
        .run("server list --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_that_does_not_answer_is_not_recorded() {
    let mut world = World::new();
    world.run("server add prod-1 --host 127.0.0.1 --port 1 --yes").run("server list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_mistyped_server_is_found() {
    let mut world = World::new();
    world.server("prod-1");
    world.run("server show prod1").run("server show prod").run("server show other").run("server remove Prod-1");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_needs_the_server_says_when_it_cannot_be_reached() {
    let mut world = World::new();
    world.server("prod-1");
    world.run("server status prod-1").run("server trust prod-1 --yes").run("server list").run("server status none");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_with_apps_is_removed_by_force_only() {
    let mut world = World::with_web();
    world.server("prod-2").quiet(&["env", "set", "web", "SECRET=1"]);
    world.run("server remove prod-1").run("server remove prod-2");
    assert!(world.home().join("envs/1.json").exists());
    world.run("server remove prod-1 --force").run("server remove prod-1").run("app list");
    assert_snapshot!(world.transcript());
    assert!(!world.home().join("envs/1.json").exists(), "its apps' secrets go with it");
}

#[test]
fn a_server_at_work_is_not_removed() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    world.run("server remove prod-1").run("job cancel 1").run("server remove prod-1 --force --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_that_is_gone_is_removed_with_the_jobs_that_wait_for_it() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    world.quiet(&["server", "provision", "prod-1"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start"]).begin("fetch");
    world
        .run("job list")
        .run("server remove prod-1")
        .run("server remove prod-1 --force")
        .run("job list --all")
        .run("job show 1 --json");
    world.run("server remove prod-1 --force").run("app list");
    drop(hand);
    assert_snapshot!(world.transcript());
}

#[test]
fn an_edit_is_recorded_where_it_leads_somewhere_or_nobody_looks() {
    let mut world = World::new();
    world.server("prod-1");
    world
        .run("server edit prod-1")
        .run("server edit prod-1 --provider Hetzner")
        .run("server edit prod-1 --port 2")
        .run("server edit prod-1 --host web.example --port 2222 --user admin --key ~/.ssh/k --offline")
        .run("server show prod-1")
        .run("server edit prod-1 --key \"\" --provider \"\" --offline --json")
        .run("server edit prod-1 --port 0")
        .run("server edit prod-1 --host \"a b\"")
        .run("server edit prod1 --port 3");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_gets_another_name_and_its_jobs_follow() {
    let mut world = World::with_web();
    world.server("prod-2");
    world.quiet(&["server", "provision", "prod-1"]);
    world.quiet(&["app", "deploy", "web"]);
    world.quiet(&["job", "cancel", "2"]);
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["packages"]).begin("packages");
    world
        .run("server edit prod-1 --name prod-2")
        .run("server edit prod-1 --name \"a b\"")
        .run("server edit prod-1 --name edge-1")
        .run("server show prod-1")
        .run("server list")
        .run("app list")
        .run("job list --all")
        .run("app deploy edge-1/web --no-wait");
    hand.finish(&Ending::Succeeded);
    world.run("job show 1").run("server edit edge-1 --name edge-1 --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn ssh_is_not_called_for_what_cannot_be_reached() {
    let mut world = World::new();
    world.server("prod-1");
    world.run("server ssh prod-1").run("server ssh prod-1 --json -- ls").run("server ssh prod1 -- ls -l");
    assert_snapshot!(world.transcript());
}

#[test]
fn provisioning_is_asked_for_once() {
    let mut world = World::new();
    world.server("prod-1");
    world
        .run("server provision prod-1")
        .run("server provision prod-1 --json")
        .run("server provision prod-1 --upgrade")
        .run("server provision prod-1 --packages snap")
        .run("server provision none")
        .run("job list");
    assert_snapshot!(world.transcript());
}
