//! `infrakt app show|logs|restart|stop|start|destroy`

use crate::hand::Hand;
use crate::world::World;
use insta::assert_snapshot;

#[test]
fn what_was_never_deployed_has_nothing_to_work_on() {
    let mut world = World::with_web();
    world
        .run("app stop web")
        .run("app start web --json")
        .run("app restart web --wait --no-wait")
        .run("app restart none")
        .run("app logs none")
        .run("app destroy none --yes");
    world.server("prod-2").app("web", "prod-2");
    world.run("app stop web").run("app logs web").run("app destroy web --yes").run("app restart web --server prod-3");
    assert_snapshot!(world.transcript());
}

#[test]
fn of_the_jobs_that_wait_the_last_word_counts() {
    let mut world = World::with_web();
    world
        .run("app deploy web")
        .run("app restart web --no-wait")
        .run("app restart web --no-wait --json")
        .run("app stop web --no-wait")
        .run("app start web --server prod-1 --no-wait")
        .run("env push web --no-wait")
        .run("app start web --no-wait")
        .run("job list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_that_is_down_is_said() {
    let mut world = World::with_web();
    world
        .run("app show web")
        .run("app show web --json")
        .run("app show web --offline")
        .run("app logs web")
        .run("app logs web -f -n 5 --json")
        .run("app logs web --lines 5 --service \"a b\"");
    assert_snapshot!(world.transcript());
}

#[test]
fn an_app_is_destroyed_when_its_name_was_said() {
    let mut world = World::with_web();
    world.app("idle", "prod-1");
    world
        .run("app destroy web")
        .run("app destroy web --volumes --local")
        .run("app destroy idle --force")
        .run("app deploy web")
        .run("app restart web --no-wait")
        .run("app destroy web --yes --no-wait")
        .run("app destroy web --yes --no-wait --json")
        .run("app destroy web --yes --no-wait --volumes")
        .run("app deploy web")
        .run("app stop web")
        .run("env push web")
        .run("job list --all");
    assert_snapshot!(world.transcript());
}

#[test]
fn an_app_is_forgotten_also_under_its_living_job() {
    let mut world = World::with_web();
    world.quiet(&["env", "set", "web", "A=1"]);
    world.run("app deploy web");
    let mut hand = Hand::claim(&world, 1);
    hand.begin("fetch");
    world
        .run("app destroy web --local")
        .run("app destroy web --local --yes")
        .run("app show web")
        .run("job log 1")
        .run("job list --all");
    assert!(!world.home().join("envs/1.json").exists());
    world.app("web", "prod-1");
    world.run("app destroy web --local --yes --json").run("app destroy web --local --yes");
    drop(hand);
    assert_snapshot!(world.transcript());
}
