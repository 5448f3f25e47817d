//! The sweep: at every point that the engine passes in a job, its process is killed, killed again, its task panics, and its line
//! breaks; afterwards the server and the tables are as after an undisturbed run.
//!
//! Which points there are tells an undisturbed run: a new step is in the sweep by itself.

mod state;

use crate::support::cli::Home;
use crate::support::faulty::{self, Fault, Strike, enqueue, run_to_the_end};
use crate::support::http;
use crate::support::server::TestServer;
use infrakt::domain::job::JobState;
use infrakt::engine::probe::Point;
use std::collections::BTreeSet;
use std::io::Write;

/// Where a worker process of this target lives.
#[test]
fn faulty_worker_process() {
    faulty::worker_if_asked();
}

/// A kind of job to sweep over.
struct Case<'a> {
    server: &'a TestServer,
    home: &'a Home,
    ends: JobState,
    /// Asks for the next job, the nth.
    ask: &'a dyn Fn(usize) -> i64,
    /// What a visitor must see after the nth.
    look: &'a dyn Fn(usize),
    /// Where it is struck, one job for each group.
    groups: &'a [&'a [Point]],
}

/// The points that a step passes, and those of the job around them in groups that one job can bear: five owners lost without a
/// finished step are one too many.
const GROUPS: [&[Point]; 7] = [
    &[Point::Claimed, Point::PlanRecorded],
    &[Point::Connected, Point::Finished],
    &[Point::IntentWritten],
    &[Point::Begun],
    &[Point::LogStored],
    &[Point::EndKnown, Point::Released],
    &[Point::EndRecorded],
];

/// The points of a step alone: what lies between the steps of a job is the same for all that a deploy can be of. As many in one job as
/// it can bear twice.
const OF_STEPS: [&[Point]; 3] =
    [&[Point::IntentWritten, Point::Begun], &[Point::LogStored, Point::EndKnown], &[Point::EndRecorded]];

/// A point at which the server still holds the job's folders, or is about to let them go, and no process is left that would say so:
/// the next job clears them.
fn leaves_it_to_the_next(fault: &Fault) -> bool {
    fault.points.contains(&Point::Finished)
}

fn sweep(case: &Case<'_>, faults: &[(Strike, usize)]) {
    let mut n = 0;
    let mut next = |fault: &Fault| {
        n += 1;
        let job = (case.ask)(n);
        let trail = run_to_the_end(case.home, fault);
        let seen = case.home.job(job);
        assert_eq!(seen.state, case.ends, "{:?}\n{trail:#?}\n{}", seen.failure, case.home.log(job));
        (case.look)(n);
        (job, trail)
    };
    let watched = |trail: &[String]| trail.iter().cloned().collect::<BTreeSet<String>>();
    let (job, trail) = next(&Fault::none());
    let (points, tables) = (watched(&trail), state::in_tables(case.home, job));
    let there = state::on_server(case.home, case.server);
    for point in Point::ALL {
        assert!(
            points.iter().any(|name| name.starts_with(&format!("{point:?} "))),
            "{point:?} is not passed: {points:?}"
        );
    }
    let mut struck = BTreeSet::new();
    for (strike, times) in faults {
        for points in case.groups {
            let fault = Fault { strike: *strike, times: *times, points: points.to_vec() };
            let (job, trail) = next(&fault);
            println!(
                "{strike:?} x{times} at {points:?}: {} strikes",
                trail.iter().filter(|l| l.contains(" at ")).count()
            );
            struck.extend(trail.iter().filter_map(|line| line.split_once(" at ").map(|(_, name)| name.to_owned())));
            // Only a line that breaks before anything was begun is one of the job's tries.
            let may = usize::from(*strike == Strike::Cut && points.contains(&Point::Connected));
            assert!(case.home.job(job).attempt as usize <= may, "{trail:#?}");
            assert_same("the tables", &tables, &state::in_tables(case.home, job), &trail);
            if leaves_it_to_the_next(&fault) {
                next(&Fault::none());
            }
            assert_same("the server", &there, &state::on_server(case.home, case.server), &trail);
        }
    }
    let of_groups = |name: &&String| case.groups.concat().iter().any(|point| name.starts_with(&format!("{point:?} ")));
    let aimed: BTreeSet<String> = points.iter().filter(of_groups).cloned().collect();
    assert_eq!(struck, aimed, "every point was struck");
}

#[track_caller]
fn assert_same(what: &str, expected: &str, seen: &str, trail: &[String]) {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (expected.lines().collect(), seen.lines().collect());
    let (gone, more): (Vec<_>, Vec<_>) = (old.difference(&new).collect(), new.difference(&old).collect());
    assert!(expected == seen, "{what}: gone {gone:#?}\nnew {more:#?}\nafter {trail:#?}\n{seen}");
}

/// A home with the app `web`, and a first version of it that serves.
fn with_app(server: &TestServer, source: &[&str]) -> Home {
    let home = Home::with(&[("prod-1", server)]);
    let create = ["app", "create", "web", "--server", "prod-1", "--port", "8080", "--domain", "http://web.localhost"];
    home.run(&[&create[..], &["--health", "/up", "--health-timeout", "20s"], source].concat()).ok();
    home.run(&["env", "set", "web", "N=0"]).ok();
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    home
}

fn visited(server: &TestServer) -> String {
    http::get(server.http_port, "web.localhost", "/env/N").unwrap().body
}

/// Each deploy is another version of the app, told by a variable.
fn sweep_deploys(name: &str, source: &[&str], groups: &[&[Point]], faults: &[(Strike, usize)]) {
    let server = TestServer::ready(name);
    let home = with_app(&server, source);
    let ask = |n: usize| {
        home.run(&["env", "set", "web", &format!("N={n}")]).ok();
        enqueue(&home, &["app", "deploy", "web"])
    };
    let look = |n: usize| assert_eq!(visited(&server), n.to_string());
    sweep(&Case { server: &server, home: &home, ends: JobState::Succeeded, ask: &ask, look: &look, groups }, faults);
}

const HELLO: [&str; 2] = ["--image", "127.0.0.1:5000/hello:v1"];

#[test]
fn a_deploy_of_an_image_bears_kills_at_every_point() {
    sweep_deploys("kill-image", &HELLO, &GROUPS, &[(Strike::Crash, 1), (Strike::Crash, 2)]);
}

#[test]
fn a_deploy_of_an_image_bears_panics_and_broken_lines_at_every_point() {
    sweep_deploys("fail-image", &HELLO, &GROUPS, &[(Strike::Cut, 1), (Strike::Panic, 1)]);
}

/// Of the step `build`, and of what `fetch`, `start` and their like do otherwise for a repository. What is struck between the steps, one
/// kill alone at a point, and panics are left to the sweeps over an image.
#[test]
fn a_deploy_from_git_bears_kills_and_broken_lines_at_every_point_of_its_steps() {
    let source = ["--git", "git://127.0.0.1/hello.git"];
    sweep_deploys("sweep-git", &source, &OF_STEPS, &[(Strike::Crash, 2), (Strike::Cut, 1)]);
}

/// Two services, one of which is an image of the registry, and a volume.
const FILE: &str = r#"
services:
  web: {image: "127.0.0.1:5000/hello:v1", depends_on: [db], environment: {FROM_FILE: "${N}"}}
  db:
    image: busybox:local
    pull_policy: never
    command: ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 1; done"]
    volumes: ["data:/data"]
volumes: {data: {}}
"#;

/// As the sweep over a deploy from git: the steps alone, which do other things for a compose file.
#[test]
fn a_deploy_of_a_compose_file_bears_kills_and_broken_lines_at_every_point_of_its_steps() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(FILE.as_bytes()).unwrap();
    let path = file.path().display().to_string();
    let source = ["--compose", &path, "--service", "web"];
    sweep_deploys("sweep-compose", &source, &OF_STEPS, &[(Strike::Crash, 2), (Strike::Cut, 1)]);
}

#[test]
fn a_deploy_that_fails_is_put_back_whatever_is_killed_meanwhile() {
    let server = TestServer::ready("kill-undo");
    let home = with_app(&server, &HELLO);
    // Each pull finds it there, the first one too.
    server.exec("docker pull -q 127.0.0.1:5000/hello:unhealthy");
    home.run(&["app", "edit", "web", "--image", "127.0.0.1:5000/hello:unhealthy", "--health-timeout", "1s"]).ok();
    let ask = |n: usize| {
        home.run(&["env", "set", "web", &format!("N={n}")]).ok();
        enqueue(&home, &["app", "deploy", "web"])
    };
    let look = |_| assert_eq!(visited(&server), "0", "the version before serves");
    let case = Case { server: &server, home: &home, ends: JobState::Failed, ask: &ask, look: &look, groups: &GROUPS };
    sweep(&case, &[(Strike::Crash, 1)]);
}

#[test]
fn a_provisioning_that_finds_all_as_it_should_be_bears_kills_and_broken_lines_at_every_point() {
    let server = TestServer::ready("sweep-prov");
    let home = Home::with(&[("prod-1", &server)]);
    home.run(&["server", "provision", "prod-1", "--wait"]).ok();
    let ask = |_| enqueue(&home, &["server", "provision", "prod-1"]);
    let case =
        Case { server: &server, home: &home, ends: JobState::Succeeded, ask: &ask, look: &|_| {}, groups: &GROUPS };
    sweep(&case, &[(Strike::Crash, 2), (Strike::Cut, 1)]);
}
