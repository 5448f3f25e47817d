//! `job follow` and `--wait`: what is shown, and the exit code that tells the truth.

use crate::hand::Hand;
use crate::world::{World, words};
use infrakt::domain::failure::{Failure, code};
use infrakt::domain::server::HostKey;
use infrakt::domain::step::StepState::{Failed, Succeeded};
use infrakt::queue::answer::{PauseReason, pause_lane};
use infrakt::queue::finish::Ending;
use insta::assert_snapshot;

fn good_deploy(hand: &mut Hand) {
    hand.plan(&["fetch", "build", "start", "health", "route"]);
    hand.begin("fetch").log("Cloning into 'repo'\n").end(800, Succeeded, 0, None);
    hand.begin("build").log("#1 FROM debian\n#12 RUN cargo");
    hand.note("! lost the connection to prod-1; the build goes on there. reconnecting (2)\n")
        .note(". back after 21s\n");
    hand.log(" build\n::infrakt x-2-1 note hidden\n\u{1b}[31m#13 done\u{1b}[0m\n").end(91_000, Succeeded, 0, None);
    hand.begin("start").end(2_100, Succeeded, 0, None);
    hand.begin("health").end(400, Succeeded, 0, Some(r#"{"note":"200 from http://127.0.0.1:20003/up"}"#));
    hand.begin("route").end(
        200,
        Succeeded,
        0,
        Some(r#"{"url":["https://web.example.com","https://www.example.com"]}"#),
    );
}

#[test]
fn a_good_end_is_told_step_by_step() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    good_deploy(&mut hand);
    hand.finish(&Ending::Succeeded);
    world.run("job follow 1").run("job follow 1 --json").run("job log 1").run("job log 1 -f");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_follower_sees_each_line_once_while_the_job_runs() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    let follower = world.spawn(&mut world.command(&words("job follow 1")));
    let log = world.spawn(&mut world.command(&words("job log 1 -f")));
    good_deploy(&mut hand);
    hand.finish(&Ending::Succeeded);
    let (follower, log) = (follower.wait_with_output().unwrap(), log.wait_with_output().unwrap());
    world.note("job follow 1", &follower).note("job log 1 -f", &log);
    let while_it_ran = world.transcript();
    world.run("job follow 1").run("job log 1 -f");
    assert_eq!(while_it_ran, world.transcript());
}

#[test]
fn a_failure_says_which_step_why_and_what_to_try() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start"]).begin("fetch").log("pulling\nmanifest unknown").end(700, Failed, 18, None);
    hand.fail(
        Failure::permanent("image_missing", "there is no image registry.example/web:1").with_hint("push it first"),
    );
    world.run("job follow 1");
    assert_snapshot!(world.transcript());
}

#[test]
fn the_exit_code_tells_how_the_job_ended() {
    let mut world = World::with_web();
    let fail = |failure| Ending::Failed { failure, serving: Some(true) };
    for ending in [
        fail(Failure::transient(code::UNREACHABLE, "prod-1 does not answer")),
        fail(Failure::permanent(code::LOGIN_REFUSED, "prod-1 refuses the login")),
        Ending::Cancelled,
    ] {
        world.quiet(&["app", "deploy", "web"]);
        Hand::claim(&world, 1).finish(&ending);
    }
    world.quiet(&["app", "deploy", "web"]);
    world.quiet(&["app", "edit", "web", "--port", "9000"]);
    world.quiet(&["app", "deploy", "web"]);
    Hand::claim(&world, 1).ask("who am I?");
    for id in 1..=5 {
        world.run(&format!("job follow {id}"));
    }
    assert_snapshot!(world.transcript());
}

#[test]
fn who_has_deployed_before_is_told_how_long_it_takes() {
    let mut world = World::with_web();
    for _ in 0..2 {
        world.quiet(&["app", "deploy", "web"]);
        let mut hand = Hand::claim(&world, 1);
        good_deploy(&mut hand);
        hand.finish(&Ending::Succeeded);
        world.quiet(&["app", "edit", "web", "--port", "9000"]);
    }
    world.app("api", "prod-1").quiet(&["app", "deploy", "web"]);
    world.quiet(&["app", "deploy", "api"]);
    world.run("job follow 3 --timeout 1s").run("job follow 4 --timeout 1s").run("job show 4 --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_destroy_that_its_server_cannot_do_says_how_to_forget() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    good_deploy(&mut hand);
    hand.finish(&Ending::Succeeded);
    for failure in [
        Failure::permanent("not_provisioned", "prod-1 has no docker with compose").with_hint("provision it"),
        Failure::transient("not_removed", "containers of web on prod-1 were made again meanwhile"),
    ] {
        world.quiet(&["app", "destroy", "web", "--yes", "--no-wait"]);
        Hand::claim(&world, 1).fail(failure);
    }
    world.run("job follow 2").run("job follow 3");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_a_job_waited_for_others_is_not_its_own_time() {
    let mut world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    crate::first_release::run(&world.home().join("infrakt.db"), "UPDATE job SET created_at = created_at - 3600000");
    let mut hand = Hand::claim(&world, 1);
    good_deploy(&mut hand);
    hand.finish(&Ending::Succeeded);
    world.run("job follow 1").run("app deployments web").run("deployment show 1");
    let told = world.transcript();
    assert_eq!(told.matches("1m34s").count(), 3, "{told}");
}

#[test]
fn a_timeout_leaves_the_job_alone() {
    let mut world = World::with_web();
    world.run("app deploy web --timeout 1s").run("job follow 1 --timeout 1s --json").run("job list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_paused_lane_ends_the_waiting_with_both_keys() {
    let mut world = World::with_web();
    let key = |word: &str| HostKey { key_type: "ssh-ed25519".into(), fingerprint: format!("SHA256:{word}") };
    let reason = PauseReason::HostKey { pinned: key("old"), seen: key("new") };
    world.db().write(|conn| pause_lane(conn, 1_700_000_000_000, "srv:1", Some(1), &reason)).unwrap();
    world.run("app deploy web --wait").run("server show prod-1").run("server list").run("job list --json");
    let transcript = world.transcript();
    // The pause is as old as this test.
    let dated: Vec<&str> = transcript.lines().filter(|line| !line.contains("2023-11-14")).collect();
    assert_snapshot!(dated.join("\n"));
}

#[test]
fn a_polite_kill_detaches() {
    let world = World::with_web();
    world.quiet(&["app", "deploy", "web"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch"]).begin("fetch").log("one\n");
    let mut command = world.command(&words("job follow 1"));
    let mut child = world.spawn(&mut command);
    // It has told the first line: it listens to signals by now.
    let mut stderr = std::io::BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("| one") {
        assert!(std::io::BufRead::read_line(&mut stderr, &mut told).unwrap() > 0, "{told}");
    }
    // SAFETY: a signal to a child of this test that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGTERM) };
    std::io::Read::read_to_string(&mut stderr, &mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(told.contains("detached; job 1 goes on"), "{told}");
    assert!(told.contains("`infrakt job follow 1` shows how it goes, `infrakt job cancel 1` stops it"), "{told}");
    hand.finish(&Ending::Succeeded);
}
