//! Long lists: a page is read, never a table.

use crate::api::Api;
use crate::world::{World, new_app};
use infrakt::queue::finish::Ending;
use infrakt::store::{StoreError, apps};
use std::collections::BTreeSet;

const APPS: usize = 10_000;

/// The next page's address.
fn next(answer: &crate::api::Answer) -> Option<String> {
    let link = answer.header("link")?;
    assert!(link.ends_with("; rel=\"next\""), "{link}");
    link.split(['<', '>']).nth(1).map(str::to_owned)
}

#[test]
fn ten_thousand_apps_come_page_by_page_each_once_and_in_order() {
    let world = World::new().server("a").server("b");
    let (a, b) = (world.find_server("a").id, world.find_server("b").id);
    world
        .db
        .write(|conn| {
            for n in 0..APPS {
                apps::insert(
                    conn,
                    world.now(),
                    &new_app(&format!("app-{:05}", n / 2), if n % 2 == 0 { a } else { b }),
                )?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let api = Api::of(world);
    let (mut path, mut pages, mut seen) = (Some("/api/apps".to_owned()), Vec::new(), Vec::new());
    while let Some(here) = path {
        let answer = api.get(&here).is(200);
        path = next(&answer);
        let list = answer.json();
        let page = list.as_array().unwrap();
        pages.push(page.len());
        seen.extend(page.iter().map(|app| (app["server_name"].to_string(), app["name"].to_string())));
    }
    assert_eq!(pages, vec![500; APPS / 500], "no page holds more, and none is empty");
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), APPS);
    assert!(seen.is_sorted());
    let answer = api.get("/api/apps?server=b&limit=2&cursor=").is(422);
    assert!(answer.text.contains("cursor"));
    let few = api.get("/api/apps?server=b&limit=2").is(200);
    assert!(next(&few).unwrap().contains("server=b"), "what was asked for stays");
}

#[test]
fn deployments_come_by_twenty() {
    let mut api = Api::of(World::new().server("a").app("web"));
    for _ in 0..23 {
        api.ask("/api/apps/web/deploy").is(202);
        api.end_job("a", Ending::Succeeded);
    }
    let first = api.get("/api/apps/web/deployments").is(200);
    let second = api.get(&next(&first).unwrap()).is(200);
    let ids = |answer: &crate::api::Answer| -> Vec<i64> {
        answer.json().as_array().unwrap().iter().map(|d| d["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(ids(&first), (4..=23).rev().collect::<Vec<_>>());
    assert_eq!(ids(&second), [3, 2, 1]);
    assert_eq!(next(&second), None);
}
