//! Pages of lists are kept between commits, and are never older than the last one.

use crate::api::Api;
use crate::server_of::{Served, at_present, client, runtime};
use crate::world::World;
use infrakt::domain::server::NewServer;
use infrakt::queue::recover::take_over_dead;
use infrakt::store::servers;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const COMMITS: usize = 150;
const READERS: usize = 4;

fn add(world: &World, n: usize) {
    let new = NewServer {
        name: format!("s-{n:04}"),
        host: "127.0.0.1".to_owned(),
        port: 1,
        user: "root".to_owned(),
        ssh_key_path: None,
        provider: None,
        host_key: None,
    };
    world.db.write(|conn| servers::insert(conn, world.now(), &new)).unwrap();
}

#[test]
fn a_page_shows_every_commit_of_another_process_that_came_before_it_was_asked_for() {
    let world = at_present();
    let served = Served::start(world.dir());
    let there = AtomicUsize::new(0);
    let names = async |client: &reqwest::Client| -> Vec<String> {
        let asked = client.get(served.url("/api/servers")).header("x-api-key", &served.key);
        let list: Vec<Value> = asked.send().await.unwrap().json().await.unwrap();
        list.iter().map(|server| server["name"].as_str().unwrap().to_owned()).collect()
    };
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                runtime().block_on(async {
                    let client = client();
                    let mut seen = 0;
                    while seen < COMMITS {
                        let before = there.load(SeqCst);
                        let found = names(&client).await.len();
                        assert!(found >= before.max(seen), "{found} of {before}, and {seen} were seen");
                        seen = found;
                    }
                });
            });
        }
        runtime().block_on(async {
            let client = client();
            for n in 0..COMMITS {
                add(&world, n);
                there.store(n + 1, SeqCst);
                let found = names(&client).await;
                assert_eq!(found.last(), Some(&format!("s-{n:04}")));
                assert_eq!(found.len(), n + 1);
            }
        });
    });
}

#[test]
fn the_same_page_is_answered_alike_until_something_is_changed() {
    let api = Api::of(World::new().server("a").app("web"));
    for path in ["/api/servers", "/api/apps", "/api/apps?server=a", "/api/databases", "/api/jobs", "/api/apps?limit=1"]
    {
        let first = api.get(path).is(200);
        let again = api.get(path).is(200);
        assert_eq!(first.text, again.text, "{path}");
        for name in ["etag", "link", "cache-control", "content-type"] {
            assert_eq!(first.header(name), again.header(name), "{path}: {name}");
        }
        assert_ne!(first.header("x-request-id"), again.header("x-request-id"), "{path}");
    }
    let before = api.get("/api/apps").header("etag").map(str::to_owned);
    api.put("/api/apps/web", &serde_json::json!({ "port": 8080 })).is(200);
    let after = api.get("/api/apps").is(200);
    assert_eq!(after.json()[0]["port"], 8080);
    assert_ne!(after.header("etag").map(str::to_owned), before);
    assert_eq!(api.get("/api/apps?server=none").is(200).json(), serde_json::json!([]));
    api.get("/api/apps?cursor=x").is(422);
}

/// Whether somebody is there is told by locks, not by the database.
#[test]
fn why_a_job_waits_is_true_when_it_is_asked_for_although_nothing_was_written_since() {
    let api = Api::of(World::new().server("a"));
    api.world.provision("a");
    let why = || api.get("/api/jobs").is(200).json()[0]["waiting_for"]["why"].clone();
    assert_eq!(why(), "no_process");
    let worker = api.world.another_worker();
    assert_eq!(why(), "due");
    let version = api.world.db.data_version().unwrap();
    // As a kill leaves it: its row and its file stay.
    drop(worker);
    assert_eq!(why(), "no_process");
    assert_eq!(api.world.db.data_version().unwrap(), version);
    take_over_dead(&api.world.db, &api.world.run_dir(), api.world.now()).unwrap();
}
