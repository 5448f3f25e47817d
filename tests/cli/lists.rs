//! `-n`: as many as were asked for, also where that is more than what is read at once.

use crate::world::World;
use diesel::connection::SimpleConnection;
use diesel::{Connection, SqliteConnection};
use serde_json::Value;

const MANY: usize = 1203;

/// With a past of that many deployments of `web`.
fn with_a_past() -> World {
    let world = World::with_web();
    let mut conn = SqliteConnection::establish(world.home().join("infrakt.db").to_str().unwrap()).unwrap();
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = 5000;
         INSERT INTO lane(id) VALUES ('srv:1');
         INSERT INTO deployments(app_id, status, started_at, finished_at)
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY})
         SELECT 1, 'success', '2025-06-01 10:00:00', '2025-06-01 10:00:01' FROM n;
         INSERT INTO job(uid, kind, title, lane, server_id, app_id, deployment_id, server_name, app_name, state, run_at, args,
             requested_by, created_at, started_at, finished_at)
         SELECT 'past-' || id, 'deploy', 'deploy web', 'srv:1', 1, 1, id, 'prod-1', 'web', 'succeeded', id, '{{}}', 'ada', id, id, id + 1
         FROM deployments;"
    ))
    .unwrap();
    world
}

fn out(world: &World, line: &str) -> String {
    String::from_utf8(world.quiet(&line.split(' ').collect::<Vec<_>>()).stdout).unwrap()
}

/// The first column of a table, without its head.
fn ids(table: &str) -> Vec<usize> {
    table.lines().skip(1).map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect()
}

#[test]
fn a_list_is_as_long_as_was_asked_for() {
    let world = with_a_past();
    for list in ["job list --all", "app deployments web"] {
        for (asked, given) in [(1, 1), (100, 100), (1000, 1000), (MANY, MANY), (5000, MANY)] {
            let newest: Vec<usize> = (MANY - given + 1..=MANY).rev().collect();
            assert_eq!(ids(&out(&world, &format!("{list} -n {asked}"))), newest, "{list} -n {asked}");
            let json: Vec<Value> = serde_json::from_str(&out(&world, &format!("{list} -n {asked} --json"))).unwrap();
            let told: Vec<usize> = json.iter().map(|one| one["id"].as_u64().unwrap() as usize).collect();
            assert_eq!(told, newest, "{list} -n {asked} --json");
        }
    }
    assert_eq!(ids(&out(&world, "job list --all")).len(), 50);
    assert_eq!(ids(&out(&world, "app deployments web")).len(), 20);
}

#[test]
fn an_array_that_is_printed_part_by_part_looks_like_one_that_is_not() {
    let world = with_a_past();
    let text = out(&world, "job list --all -n 250 --json");
    assert!(text.starts_with("[\n  {\n    \"id\": 1203,\n") && text.ends_with("\n  }\n]\n"), "{text}");
    assert_eq!(text.matches("\n  },\n  {\n").count(), 249);
    assert_eq!(out(&world, "job list --json"), "[]\n");
}

#[test]
fn nobody_asks_for_no_line_at_all() {
    let mut world = World::with_web();
    world.run("job list -n 0").run("app deployments web -n 0");
    insta::assert_snapshot!(world.transcript());
}
