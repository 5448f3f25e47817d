//! Routes and their jobs: what a job is to put there, and what its rows are when it has ended.

use crate::world::World;
use diesel::{Connection, RunQueryDsl, SqliteConnection, sql_query};
use infrakt::domain::failure::Failure;
use infrakt::domain::job::Job;
use infrakt::domain::route::{ProxyArgs, RouteChange, RouteTarget};
use infrakt::queue::enqueue::Enqueued;
use infrakt::queue::finish::{Effects, Ending, finish};
use infrakt::queue::routes;
use infrakt::queue::{QueueError, cancel, retry};
use infrakt::store::routes as rows;

fn world() -> World {
    World::new().server("a").app("blog")
}

/// Where the domain is to lead from now on: the job that takes it there.
fn ask(world: &World, domain: &str, after: Option<RouteTarget>) -> Job {
    let (server, now) = (world.find_server("a"), world.now());
    let done = world.db.write(|conn| {
        let before = rows::find(conn, server.id, domain)?.and_then(|route| route.target());
        let change = RouteChange { domain: domain.into(), before, after, adopt: false };
        let args = ProxyArgs { changes: vec![change], ..ProxyArgs::default() };
        routes::ask(conn, now, (server.id, "a"), &args, "ann")
    });
    done.map(Enqueued::into_job).unwrap()
}

fn port(port: u16) -> Option<RouteTarget> {
    Some(RouteTarget::Port(port))
}

/// The rows as text: `d.example 1, e.example 2`.
fn all(world: &World) -> String {
    let server = world.find_server("a");
    let found = world.db.read(|conn| rows::of_server(conn, server.id)).unwrap();
    let text = |route: &rows::Route| match route.target() {
        Some(RouteTarget::Port(port)) => format!("{} {port}", route.domain),
        Some(RouteTarget::App(id)) => format!("{} app {id}", route.domain),
        None => route.domain.clone(),
    };
    found.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// What the job puts on the server.
fn wanted(world: &World, job: &Job) -> String {
    let found = world.db.read(|conn| routes::of_job(conn, job)).unwrap();
    let text = |route: &infrakt::domain::route::WantedRoute| format!("{} {}", route.domain, route.port.unwrap_or(0));
    found.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn failed() -> Ending {
    Ending::Failed { failure: Failure::permanent("caddy_down", "no"), serving: None }
}

#[test]
fn requests_gather_in_the_job_that_waits_and_not_in_the_one_that_has_begun() {
    let mut world = world();
    let first = ask(&world, "d", port(1));
    assert_eq!(ask(&world, "e", port(2)).id, first.id);
    let claim = world.claim("a");
    world.begin(&claim, 1, "routes");
    let second = ask(&world, "f", port(3));
    assert_ne!(second.id, first.id);
    assert_eq!(ask(&world, "g", port(4)).id, second.id);
    // What comes later is not put there early: it may be taken back.
    assert_eq!(wanted(&world, claim.job()), "d 1, e 2");
    world.finish(&claim, Ending::Succeeded);
    assert_eq!(all(&world), "d 1, e 2, f 3, g 4");
    assert_eq!(wanted(&world, &world.find_job(second.id)), "d 1, e 2, f 3, g 4");
}

#[test]
fn a_job_that_does_not_do_it_hands_what_stood_before_to_the_next_one() {
    let mut world = world();
    ask(&world, "d", port(1));
    let claim = world.claim("a");
    world.begin(&claim, 1, "routes");
    world.finish(&claim, Ending::Succeeded);
    let first = ask(&world, "d", port(2));
    let claim = world.claim("a");
    world.begin(&claim, 1, "routes");
    let second = ask(&world, "d", None);
    assert_eq!((all(&world), wanted(&world, claim.job())), (String::new(), "d 2".to_owned()));
    world.finish(&claim, failed());
    assert_eq!(all(&world), "", "the later request stands");
    cancel::request(&world.db, world.now(), second.id, "ann").unwrap();
    assert_eq!(all(&world), "d 1", "neither was done");
    // Tried again, it does what it was asked for from where things stand.
    let again = retry::retry(&world.db, world.now(), first.id, "ann").unwrap().enqueued.into_job();
    assert_eq!((all(&world), wanted(&world, &again)), ("d 2".to_owned(), "d 2".to_owned()));
    cancel::request(&world.db, world.now(), again.id, "ann").unwrap();
    ask(&world, "d", port(9));
    let refused = retry::retry(&world.db, world.now(), first.id, "ann").unwrap_err();
    assert!(matches!(refused, QueueError::Gone { .. }), "{refused}");
    assert_eq!(all(&world), "d 9");
}

#[test]
fn what_the_server_keeps_for_somebody_else_goes_back_alone() {
    let mut world = world();
    let app = world.find_app("blog").id;
    ask(&world, "d", Some(RouteTarget::App(app)));
    ask(&world, "e", Some(RouteTarget::App(app)));
    assert_eq!(world.find_app("blog").domains, ["d", "e"]);
    let claim = world.claim("a");
    world.begin(&claim, 1, "routes");
    let effects = Effects { refused: vec!["d".into()], ..Effects::default() };
    finish(&world.db, &claim, world.now(), &Ending::Succeeded, &effects).unwrap();
    assert_eq!(all(&world), format!("e app {app}"));
    assert_eq!(world.find_app("blog").domains, ["e"]);
}

/// The first release lets anything stand there: it is shown, and a deploy says what is wrong with it.
#[test]
fn what_the_first_release_calls_a_domain_outlives_changes_of_others() {
    let world = world();
    let app = world.find_app("blog").id;
    let column = |world: &World, text: &str| {
        let mut conn = SqliteConnection::establish(world.db.path().to_str().unwrap()).unwrap();
        sql_query(format!("UPDATE apps SET domain = '{text}' WHERE id = {app}")).execute(&mut conn).unwrap();
    };
    for kept in ["not a domain", r#"{"web": "a.example.com", "api": "b.example.com"}"#, "elsewhere.example.com"] {
        column(&world, kept);
        ask(&world, "d", Some(RouteTarget::App(app)));
        assert_eq!(world.find_app("blog").domains, [kept, "d"]);
        ask(&world, "d", None);
        assert_eq!(world.find_app("blog").domains, [kept]);
    }
    // The domain itself goes: then its name goes too.
    column(&world, "Web.Example.com");
    ask(&world, "web.example.com", Some(RouteTarget::App(app)));
    ask(&world, "e", Some(RouteTarget::App(app)));
    assert_eq!(world.find_app("blog").domains, ["web.example.com", "e"]);
    ask(&world, "web.example.com", None);
    assert_eq!(world.find_app("blog").domains, ["e"]);
}

#[test]
fn what_somebody_changed_since_is_not_taken_back() {
    let mut world = world();
    let app = world.find_app("blog");
    ask(&world, "d", port(1));
    let claim = world.claim("a");
    world.begin(&claim, 1, "routes");
    let now = world.now();
    world.db.write(|conn| rows::delete(conn, app.server_id, "d")).unwrap();
    let edited = infrakt::domain::app::App { domains: vec!["d".into()], ..app.clone() };
    world.db.write(|conn| infrakt::store::apps::update(conn, now, &edited)).unwrap();
    world.finish(&claim, failed());
    assert_eq!(all(&world), format!("d app {}", app.id));
}
