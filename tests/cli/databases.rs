//! `infrakt db create|list|url|destroy`, and what other commands say to databases.

use crate::hand::Hand;
use crate::world::World;
use infrakt::domain::database::{DbKind, KeptVolume};
use infrakt::domain::failure::{Failure, code};
use infrakt::domain::step::StepState::{Failed, Succeeded};
use infrakt::queue::finish::Ending;
use infrakt::queue::volumes::FoundVolume;
use infrakt::store::databases;
use insta::assert_snapshot;

fn with_server() -> World {
    let world = World::new();
    world.server("prod-1");
    world
}

/// The password of a database; it differs in each run.
fn password(world: &mut World, name: &str, word: &str) -> String {
    let said = world.quiet(&["db", "url", name, "--json"]).stdout;
    let said: serde_json::Value = serde_json::from_slice(&said).unwrap();
    let password = said["password"].as_str().unwrap().to_owned();
    world.name(password.clone(), word);
    password
}

/// Plays the job that waits to a good end.
fn done(world: &World, steps: &[&str]) {
    let mut hand = Hand::claim(world, 1);
    hand.plan(steps);
    for step in steps {
        hand.begin(step).end(500, Succeeded, 0, None);
    }
    hand.finish(&Ending::Succeeded);
}

#[test]
fn databases_are_made_listed_and_reached() {
    let mut world = with_server();
    world
        .run("db list")
        .run("db list --json")
        .run("db create main --server prod-1 --type postgres --no-wait")
        .run("db create --name cache --server prod-1 --type redis --version 7.2 --no-wait --json");
    password(&mut world, "main", "PASSWORD");
    password(&mut world, "cache", "OTHER");
    world.run("db url main --local");
    done(&world, &["fetch", "start", "health"]);
    world
        .run("db list")
        .run("db list --server prod-1 --json")
        .run("db url main")
        .run("db url prod-1/main --json")
        .run("db url cache --server prod-1")
        .run("app list")
        .run("job list --all")
        .run("job show 1 --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn the_four_kinds_have_urls_of_their_own() {
    let mut world = with_server();
    for kind in DbKind::ALL {
        world.quiet(&[
            "db",
            "create",
            &format!("my.{kind}"),
            "--server",
            "prod-1",
            "--type",
            kind.as_str(),
            "--no-wait",
        ]);
        password(&mut world, &format!("my.{kind}"), "PASSWORD");
        world.run(&format!("db url my.{kind}"));
    }
    assert_snapshot!(world.transcript());
}

#[test]
fn what_cannot_be_a_database_is_refused() {
    let mut world = with_server();
    world.app("web", "prod-1");
    world
        .run("db create a/b --server prod-1 --type postgres")
        .run("db create main --server prod-2 --type postgres")
        .run("db create main --server prod-1 --type oracle")
        .run("db create main --server prod-1")
        .run("db create main --server prod-1 --type mysql --version \"8;x\"")
        .run("db create main --server prod-1 --type mysql --version 8 --image mysql:9")
        .run("db create main --server prod-1 --type mysql --image \"my sql\" --json")
        .run("db create web --server prod-1 --type mysql")
        .run("db list --server prod-2")
        .run("db list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_database_that_is_not_there_or_stands_on_two_servers_is_said() {
    let mut world = with_server();
    world.server("prod-2");
    world.app("web", "prod-1");
    for server in ["prod-1", "prod-2"] {
        world.quiet(&["db", "create", "main", "--server", server, "--type", "redis", "--no-wait"]);
    }
    world
        .run("db url mian")
        .run("db url main")
        .run("db destroy main --yes")
        .run("db url web")
        .run("db destroy web --yes")
        .run("db url main --server prod-3")
        .run("db destroy prod-2/main");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_create_that_failed_is_asked_for_again() {
    let mut world = with_server();
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "postgres", "--version", "99", "--no-wait"]);
    let before = password(&mut world, "main", "PASSWORD");
    world.run("db create main --server prod-1 --type postgres --version 99 --no-wait").run("app restart main");
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch", "start", "health"]).begin("fetch").log("pulling\n").end(500, Failed, 1, None);
    let failure = Failure::permanent("image_missing", "there is no image postgres:99").with_hint("check the tag");
    hand.finish(&Ending::Failed { failure, serving: None });
    world
        .run("db list")
        .run("job follow 1")
        .run("db create main --server prod-1 --type redis --no-wait")
        .run("db create main --server prod-1 --type postgres --version 16 --no-wait")
        .run("job list --all");
    assert_eq!(password(&mut world, "main", "PASSWORD"), before);
    done(&world, &["fetch", "start", "health"]);
    world.run("db create main --server prod-1 --type postgres").run("db list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_volume_that_nobody_knows_ends_with_4() {
    let mut world = with_server();
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "postgres", "--no-wait"]);
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch"]).begin("fetch").end(500, Failed, 1, None);
    let text = "the volume infrakt.main.data is on prod-1 already, and its password is not known here";
    let failure = Failure::permanent(code::VOLUME_UNKNOWN, text).with_hint("take another name");
    hand.finish(&Ending::Failed { failure, serving: None });
    world.run("job follow 1");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_database_goes_and_its_volume_stays_and_is_found_again() {
    let mut world = with_server();
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "postgres", "--version", "15", "--no-wait"]);
    done(&world, &["fetch", "start", "health"]);
    let before = password(&mut world, "main", "PASSWORD");
    world
        .run("db destroy main")
        .run("db destroy main --force --no-wait")
        .run("db destroy main --yes --no-wait --json")
        .run("db destroy main --volumes --yes --no-wait")
        .run("app restart main")
        .run("db create main --server prod-1 --type postgres");
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["remove"]).begin("remove").end(500, Succeeded, 0, Some(r#"{"note":"kept: infrakt.main.data"}"#));
    let volume = FoundVolume { name: "infrakt.main.data".into(), image: None };
    hand.finish_with_volume(volume);
    world
        .run("job follow 2")
        .run("db list")
        .run("db create main --server prod-1 --type redis")
        .run("db create main --server prod-1 --type postgres --version 16")
        .run("db create main --server prod-1 --type postgres --version 15.3 --no-wait");
    assert_eq!(password(&mut world, "main", "PASSWORD"), before);
    world.run("db list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_database_whose_server_is_gone_is_forgotten_and_what_opens_its_volume_is_not() {
    let mut world = with_server();
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "mysql", "--no-wait"]);
    done(&world, &["fetch", "start", "health"]);
    world.run("db destroy main --local --volumes").run("db destroy main --local --yes").run("db list");
    let kept = world.db().read(|conn| databases::kept(conn, 1, "infrakt.main.data")).unwrap().unwrap();
    let KeptVolume { kind, image, .. } = kept;
    assert_eq!((kind, image.as_str()), (DbKind::Mysql, "mysql:8"));
    world.run("db create main --server prod-1 --type mysql --no-wait").run("db destroy main --local --yes --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn commands_for_apps_name_those_for_databases() {
    let mut world = with_server();
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "mongo", "--no-wait"]);
    world
        .run("app deploy main")
        .run("app edit main --port 1")
        .run("app destroy main --yes")
        .run("env set main A=1")
        .run("env list main");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_server_that_is_down_is_said() {
    let mut world = with_server();
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "postgres", "--no-wait"]);
    let failure = Failure::transient(code::UNREACHABLE, "cannot connect to prod-1: the connection was refused");
    Hand::claim(&world, 1).finish(&Ending::Failed { failure, serving: None });
    // One of the first release: its password is on the server alone.
    first_release(&world);
    world.run("job follow 1").run("db url old").run("db destroy old --yes").run("db list");
    assert_snapshot!(world.transcript());
}

/// A row as it is taken over from the first release.
fn first_release(world: &World) {
    use diesel::connection::{Connection, SimpleConnection};
    let path = world.home().join("infrakt.db");
    let mut conn = diesel::sqlite::SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    conn.batch_execute(
        "INSERT INTO apps(id, name, server_id, port, status, app_type) VALUES (9, 'old', 1, 5432, 'running', 'db:postgres');
         INSERT INTO app_ext(app_id, compose_project) VALUES (9, 'old');",
    )
    .unwrap();
}
