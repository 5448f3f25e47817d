//! `infrakt job list|show|log|cancel|retry|resolve|bump`

use crate::hand::Hand;
use crate::world::World;
use infrakt::domain::failure::Failure;
use infrakt::domain::step::StepState::{Failed, Succeeded};
use infrakt::queue::finish::Ending;
use insta::assert_snapshot;

#[test]
fn a_job_that_is_not_there_is_said_so_by_every_command() {
    let mut world = World::new();
    world.run("job list").run("job list --json").run("job list --all");
    for command in ["show", "log", "log -f", "follow", "cancel", "retry", "bump"] {
        world.run(&format!("job {command} 7"));
    }
    world.run("job resolve 7 --done");
    assert_snapshot!(world.transcript());
}

#[test]
fn waiting_jobs_say_what_they_wait_for() {
    let mut world = World::with_web();
    world.app("api", "prod-1");
    world.quiet(&["server", "provision", "prod-1"]);
    world.quiet(&["app", "deploy", "web"]);
    world.quiet(&["app", "deploy", "api"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["packages", "docker"]).begin("packages").log("Reading package lists\n");
    world
        .run("job list")
        .run("job list --server prod-1 --state running")
        .run("job list --state waiting")
        .run("job list --server none")
        .run("job show 1")
        .run("job show 2")
        .run("job bump 3")
        .run("job bump 1")
        .run("job list --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_cancel_tells_whether_it_is_over() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    world.run("job cancel 1").run("job cancel 1").run("job bump 1").run("app deployments web");
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch"]).begin("fetch");
    world.run("job cancel 2").run("job cancel 2 --json").run("job list");
    hand.finish(&Ending::Cancelled);
    world.run("job show 2");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_failed_job_is_tried_again_as_a_new_one() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start"]).begin("fetch").end(900, Succeeded, 0, None);
    hand.begin("start").log("no space left\n").end(300, Failed, 3, None);
    hand.fail(Failure::permanent("disk_full", "the disk of prod-1 is full").with_hint("make room"));
    world
        .run("job show 1")
        .run("job log 1")
        .run("job log 1 --json")
        .run("job retry 1")
        .run("job retry 2")
        .run("job show 2")
        .run("job resolve 2 --rerun");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_job_that_needs_an_answer_gets_one() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start"]).begin("fetch").log("half\n");
    hand.ask("prod-1 restarted, and nobody knows how far `fetch` came");
    world
        .run("job list --state needs-you")
        .run("job show 1")
        .run("job resolve 1 --rerun --fail")
        .run("job resolve 1 --rerun")
        .run("job resolve 1 --rerun")
        .run("job list");
    assert_snapshot!(world.transcript());
}

#[test]
fn nothing_is_tried_again_for_an_app_that_is_about_to_go() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    Hand::claim(&world, 1).fail(Failure::permanent("image_missing", "there is no such image"));
    world.quiet(&["proxy", "add", "a.example.com", "--server", "prod-1", "--app", "web", "--no-wait"]);
    world.quiet(&["job", "cancel", "2"]);
    world
        .run("app destroy web --yes --no-wait")
        .run("job retry 1 --no-wait")
        .run("job retry 2 --no-wait")
        .run("job cancel 3")
        .run("job retry 3 --no-wait --json")
        .run("job cancel 4")
        .run("job retry 2 --no-wait")
        .run("job retry 1 --no-wait --json");
    assert_snapshot!(world.transcript());
}
