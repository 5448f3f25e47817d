//! Many ask at once: nothing is lost, and a server never has two jobs at a time.

use crate::support::cli::Home;
use crate::support::server::TestServer;
use infrakt::domain::job::{Job, JobState};
use infrakt::store::Page;
use infrakt::store::jobs::{self, Filter};
use std::collections::BTreeSet;

const SERVERS: usize = 4;
const ASKERS: usize = 8;
const REQUESTS: usize = 50;

/// Counts, ten times a second, the steps that live on the server.
const SAMPLER: &str = "systemd-run --quiet --unit=sampler sh -c 'while :; do systemctl list-units --plain --no-legend \"infrakt-0*\" | wc -l >>/root/living; sleep 0.1; done'";

fn all_jobs(home: &Home) -> Vec<Job> {
    let filter = Filter { server_id: None, app_id: None, deployment_id: None, state: None, alive: false };
    home.db().read(|conn| jobs::list(conn, &filter, Page::first(10_000))).unwrap()
}

#[test]
fn eight_processes_ask_for_fifty_deploys_each_on_four_servers_at_once() {
    let servers = TestServer::crowd("crowd", SERVERS);
    let names: Vec<String> = (1..=SERVERS).map(|n| format!("prod-{n}")).collect();
    let home = Home::new();
    for (name, server) in names.iter().zip(&servers) {
        home.add(name, server, server.port).ok();
        for app in ["red", "blue"] {
            let image = "127.0.0.1:5000/hello:v1";
            home.run(&["app", "create", app, "--server", name, "--image", image, "--port", "8080"]).ok();
        }
        server.exec(SAMPLER);
    }
    let workers = [home.worker(), home.worker(), home.worker()];
    let mut asked: Vec<i64> = Vec::new();
    std::thread::scope(|scope| {
        let askers: Vec<_> = (0..ASKERS)
            .map(|asker| {
                let (home, names) = (&home, &names);
                scope.spawn(move || {
                    let ask = |n: usize| {
                        let app = format!("{}/{}", names[(asker + n) % SERVERS], ["red", "blue"][n / SERVERS % 2]);
                        if n.is_multiple_of(5) {
                            // Another wanted state: it takes the place of one that waits.
                            home.run(&["env", "set", &app, &format!("TURN={asker}-{n}")]).ok();
                        }
                        let said = home.run(&["app", "deploy", &app, "--no-wait", "--json"]).ok();
                        assert!(!said.err.contains("locked"), "{}", said.err);
                        said.json()["job_id"].as_i64().unwrap()
                    };
                    (0..REQUESTS).map(ask).collect::<Vec<i64>>()
                })
            })
            .collect();
        asked = askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect();
    });
    assert_eq!(asked.len(), ASKERS * REQUESTS, "each was accepted or joined");
    let distinct: BTreeSet<i64> = asked.iter().copied().collect();
    for id in &distinct {
        home.wait_end(*id);
    }
    let all = all_jobs(&home);
    assert_eq!(
        all.iter().map(|job| job.id).collect::<BTreeSet<_>>(),
        distinct,
        "no job that nobody was told of, none lost"
    );
    let ran: Vec<&Job> = all.iter().filter(|job| job.state == JobState::Succeeded).collect();
    let superseded = all.iter().filter(|job| job.state == JobState::Cancelled).count();
    println!("{} requests, {} jobs: {} ran, {superseded} made way", asked.len(), all.len(), ran.len());
    assert_eq!(ran.len() + superseded, all.len());
    for (server, name) in servers.iter().zip(&names) {
        let mut order: Vec<(i64, i64)> =
            ran.iter().filter(|job| job.server_name == *name).map(|job| (job.started_at.unwrap(), job.id)).collect();
        order.sort_unstable();
        assert!(order.is_sorted_by_key(|(_, id)| *id), "oldest first: {order:?}");
        let most = server.exec("systemctl stop sampler; sort -n /root/living | tail -n 1; grep -c 1 /root/living");
        let (most, seen) = most.split_once('\n').unwrap();
        assert_eq!(most, "1", "two steps at a time on {name}");
        assert!(seen.parse::<u32>().unwrap() > 10, "the sampler saw {seen} steps");
        let running = server.exec("docker ps --format '{{.Label \"infrakt.app\"}}' | sort");
        assert_eq!(running, "blue\nred");
    }
    drop(workers);
}
