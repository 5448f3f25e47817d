//! Pages of lists that go by name, and the home at a glance.

use crate::world::World;
use infrakt::domain::app::AppStatus;
use infrakt::store::{StoreError, apps, servers};

#[test]
fn apps_go_by_the_names_of_server_and_app_page_by_page() {
    let world = World::new().server("b").app("web").app("api").server("a").app("zoo").app("api");
    let mut after: Option<(String, String)> = None;
    let mut seen = Vec::new();
    loop {
        let cursor = after.as_ref().map(|(server, app)| (server.as_str(), app.as_str()));
        let page = world.db.read(|conn| apps::list_by_name(conn, apps::Filter::default(), cursor, 3)).unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.server_name.clone(), last.name.clone()));
        seen.extend(page.iter().map(|app| format!("{}/{}", app.server_name, app.name)));
    }
    assert_eq!(seen, ["a/api", "a/zoo", "b/api", "b/web"]);
    let own =
        world.db.read(|conn| apps::list_by_own_name(conn, apps::Filter::default(), Some(("api", "a")), 2)).unwrap();
    let own: Vec<_> = own.iter().map(|app| format!("{}/{}", app.server_name, app.name)).collect();
    assert_eq!(own, ["b/api", "b/web"]);
    let server_id = Some(world.find_server("b").id);
    let filter = apps::Filter { server_id, databases: Some(false) };
    let of_b = world.db.read(|conn| apps::list_by_name(conn, filter, Some(("b", "api")), 9)).unwrap();
    assert_eq!(of_b.iter().map(|app| app.name.as_str()).collect::<Vec<_>>(), ["web"]);
}

#[test]
fn servers_go_by_name() {
    let world = World::new().server("c").server("a").server("b");
    let names = |after, limit| {
        let page = world.db.read(|conn| servers::list_by_name(conn, after, limit)).unwrap();
        page.into_iter().map(|server| server.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, 2), ["a", "b"]);
    assert_eq!(names(Some("b"), 2), ["c"]);
}

#[test]
fn counts_part_apps_from_databases_and_statuses() {
    let world = World::new().server("a").app("web").app("api");
    let web = world.find_app("web").id;
    let counts = world
        .db
        .write(|conn| {
            apps::set_status(conn, world.now(), web, AppStatus::Running)?;
            Ok::<_, StoreError>((
                apps::count(conn, false, None)?,
                apps::count(conn, false, Some(AppStatus::Running))?,
                apps::count(conn, true, None)?,
            ))
        })
        .unwrap();
    assert_eq!(counts, (2, 1, 0));
}
