//! `infrakt app deploy`, `app deployments`, `deployment show`

use crate::hand::Hand;
use crate::world::World;
use infrakt::domain::failure::Failure;
use infrakt::domain::step::StepState::{Failed, Skipped, Succeeded};
use infrakt::queue::finish::Ending;
use insta::assert_snapshot;

#[test]
fn a_deploy_is_accepted_joined_and_superseded() {
    let mut world = World::with_web();
    world
        .run("app deploy web")
        .run("app deploy web")
        .run("env set web A=1")
        .run("app deploy web --json")
        .run("app edit web --image registry.example/web:2")
        .run("app deploy prod-1/web")
        .run("app edit web --image registry.example/web:3")
        .run("app deploy web --timeout 1s")
        .run("job list")
        .run("job list --all")
        .run("app deployments web")
        .run("job show 1");
    assert_snapshot!(world.transcript());
}

#[test]
fn the_same_values_are_the_same_request_however_they_are_sealed() {
    let mut world = World::with_web();
    world.quiet(&["env", "set", "web", "A=1"]);
    world.run("app deploy web").run("env set web A=1").run("app deploy web");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_this_version_does_not_deploy_is_said() {
    let mut world = World::new();
    world.server("prod-1");
    world.quiet(&["app", "create", "a", "--server", "prod-1", "--git", "https://git.example/a.git"]);
    world.app("c", "prod-1");
    world
        .run("app deploy a --commit main")
        .run("app deploy a --branch ../b")
        .run("app deploy c --branch main")
        .run("app deploy none")
        .run("job list --all");
    assert_snapshot!(world.transcript());
}

#[test]
fn deployments_tell_what_became_of_them() {
    let mut world = World::with_web();
    world.run("app deployments web").run("app deployments web --json");
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start"]).begin("fetch").log("pulling\n");
    hand.end(800, Skipped, 0, Some(r#"{"skipped":"there already"}"#));
    hand.begin("start").log("up\n").end(2_100, Succeeded, 0, None);
    hand.finish(&Ending::Succeeded);
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start"]).begin("fetch").log("pulling\nno such image\n").end(500, Failed, 1, None);
    hand.fail(
        Failure::permanent("image_missing", "there is no image registry.example/web:1").with_hint("push it first"),
    );
    world
        .run("app deployments web")
        .run("app deployments web -n 1 --json")
        .run("deployment show 1")
        .run("deployment show 1 --log")
        .run("deployment show 2")
        .run("deployment show 2 --log")
        .run("deployment show 2 --json")
        .run("deployment show 3")
        .run("app list")
        .run("app show web");
    assert_snapshot!(world.transcript());
}
