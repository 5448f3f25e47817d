//! What is remembered of a database's volume.

use crate::world::World;
use infrakt::domain::database::{DbKind, KeptVolume};
use infrakt::queue::enqueue::{NewJob, enqueue};
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::volumes::FoundVolume;
use infrakt::store::{StoreError, apps, databases, servers};

const VOLUME: &str = "infrakt.main.data";

/// A database whose end is asked for, and what its job found.
fn end(world: &mut World, args: &str, ending: Ending, found: Option<FoundVolume>) -> Option<KeptVolume> {
    let (app, now) = (world.find_app("main"), world.now());
    let job = NewJob::db_destroy((app.server_id, "a"), (app.id, "main"), args.to_owned(), "ann");
    world
        .db
        .write(|conn| {
            databases::mark(conn, app.id, DbKind::Mysql)?;
            databases::set_password(conn, app.id, "infrakt-main", "sealed")?;
            enqueue(conn, now, &job)
        })
        .unwrap();
    let claim = world.claim("a");
    world.done(&claim, 1, "remove");
    finish(&world.db, &claim, now, &ending, &Effects { volume: found, ..Effects::default() }).unwrap();
    world.db.read(|conn| databases::kept(conn, app.server_id, VOLUME)).unwrap()
}

fn found() -> Option<FoundVolume> {
    Some(FoundVolume { name: VOLUME.into(), image: Some("mysql@sha256:1".into()) })
}

#[test]
fn a_volume_that_stays_is_kept_with_what_opens_it() {
    let mut world = World::new().server("a").app("main");
    let (app, now) = (world.find_app("main"), world.now());
    let kept = end(&mut world, r#"{"volumes":false}"#, Ending::Succeeded, found()).unwrap();
    let image = match app.source {
        infrakt::domain::app::Source::Image { image } => image,
        other => panic!("{other:?}"),
    };
    let wanted = KeptVolume {
        server_id: app.server_id,
        volume: VOLUME.into(),
        kind: DbKind::Mysql,
        // What was asked for, and not what it turned out to be: its tag tells the version.
        image,
        password_sealed: "sealed".into(),
        kept_at: now,
    };
    assert_eq!(kept, wanted);
    assert_eq!(world.db.read(|conn| apps::find(conn, app.id)).unwrap(), None);

    // Kept again it is the newest; with its server it is forgotten.
    let again = KeptVolume { password_sealed: "other".into(), ..wanted };
    let left = world
        .db
        .write(|conn| {
            databases::keep(conn, &again)?;
            assert_eq!(databases::kept(conn, app.server_id, VOLUME)?, Some(again.clone()));
            servers::delete(conn, app.server_id)?;
            databases::kept(conn, app.server_id, VOLUME)
        })
        .unwrap();
    assert_eq!(left, None);
}

#[test]
fn a_volume_that_goes_and_one_that_nobody_found_are_not_kept() {
    for (args, found) in
        [(r#"{"volumes":true}"#, found()), (r#"{"volumes":true}"#, None), (r#"{"volumes":false}"#, None)]
    {
        let mut world = World::new().server("a").app("main");
        let before = KeptVolume {
            server_id: world.find_server("a").id,
            volume: VOLUME.into(),
            kind: DbKind::Mysql,
            image: "mysql:8".into(),
            password_sealed: "before".into(),
            kept_at: 1,
        };
        world.db.write(|conn| databases::keep(conn, &before)).unwrap();
        let kept = end(&mut world, args, Ending::Succeeded, found);
        assert_eq!(kept, if args.contains("true") { None } else { Some(before) }, "{args}");
    }
}

#[test]
fn an_end_that_failed_remembers_nothing_and_the_database_is_there_still() {
    let mut world = World::new().server("a").app("main");
    assert_eq!(end(&mut world, r#"{"volumes":false}"#, Ending::Cancelled, found()), None);
    let id = world.find_app("main").id;
    let password = world.db.read(|conn| databases::password(conn, id)).unwrap();
    assert_eq!(password.as_deref(), Some("sealed"));
}

/// An app of the first release has no row beside it until something is to be kept there.
#[test]
fn a_password_is_kept_for_a_database_of_the_first_release_too() {
    let world = World::new().server("a").app("main");
    let id = world.find_app("main").id;
    let project = world
        .db
        .write(|conn| {
            databases::set_password(conn, id, "another", "sealed")?;
            Ok::<_, StoreError>(apps::find(conn, id)?.map(|app| app.compose_project))
        })
        .unwrap();
    assert_eq!(project.as_deref(), Some("infrakt-main"), "what stood there stays");
    assert_eq!(world.db.read(|conn| databases::password(conn, id)).unwrap().as_deref(), Some("sealed"));
    assert_eq!(world.db.read(|conn| databases::password(conn, 99)).unwrap(), None);
}
