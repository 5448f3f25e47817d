//! Servers, apps, deployments, routes and ports: what is written is what is read.

use crate::world::{START_MS, World, new_app, snapshot_of};
use infrakt::domain::app::{AppStatus, Resources, Source};
use infrakt::domain::deployment::DeploymentStatus;
use infrakt::domain::server::{HostKey, ServerStatus};
use infrakt::store::{Page, StoreError, apps, deployments, ports, routes, servers};

fn key(fingerprint: &str) -> HostKey {
    HostKey { key_type: "ssh-ed25519".to_owned(), fingerprint: fingerprint.to_owned() }
}

#[test]
fn a_server_is_read_as_it_was_written() {
    let world = World::new().server("a");
    let mut server = world.find_server("a");
    assert_eq!((server.port, server.user.as_str(), server.status), (22, "root", ServerStatus::Inactive));
    assert_eq!((server.created_at, server.updated_at), (START_MS, START_MS));
    assert_eq!(server.host_key, None);

    let later = world.clock.advance(5000);
    server.host = "2001:db8::1".to_owned();
    server.port = 2222;
    server.ssh_key_path = Some("/home/anna/.ssh/id".to_owned());
    world
        .db
        .write(|conn| {
            assert!(servers::update(conn, later, &server)?);
            servers::set_facts(conn, server.id, r#"{"docker":"26.1"}"#)?;
            servers::not_seen(conn, server.id, "no route to host")?;
            assert!(servers::pin_first_host_key(conn, server.id, &key("SHA256:one"))?);
            assert!(!servers::pin_first_host_key(conn, server.id, &key("SHA256:two"))?);
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let found = world.find_server("a");
    assert_eq!((found.host.as_str(), found.port, found.updated_at), ("2001:db8::1", 2222, START_MS + 5000));
    assert_eq!(found.facts.as_deref(), Some(r#"{"docker":"26.1"}"#));
    assert_eq!((found.last_seen_at, found.last_error.as_deref()), (None, Some("no route to host")));
    assert_eq!(found.host_key, Some(key("SHA256:one")));

    world.db.write(|conn| servers::seen(conn, server.id, later)).unwrap();
    let found = world.find_server("a");
    assert_eq!((found.last_seen_at, found.last_error), (Some(later), None));
}

#[test]
fn a_name_is_taken_once_and_the_error_says_which() {
    let world = World::new().server("a").app("blog").server("b").app("shop");
    let (a, b) = (world.find_server("a"), world.find_server("b"));
    let mut again = a.clone();
    again.name = "b".to_owned();
    let new = infrakt::domain::server::NewServer {
        name: "a".to_owned(),
        host: "h".to_owned(),
        port: 22,
        user: "root".to_owned(),
        ssh_key_path: None,
        provider: None,
        host_key: None,
    };
    let error = world.db.write(|conn| servers::insert(conn, 0, &new)).unwrap_err();
    assert!(matches!(&error, StoreError::Exists { what } if what == "servers.name"), "{error:?}");

    let error = world.db.write(|conn| apps::insert(conn, 0, &new_app("blog", a.id))).unwrap_err();
    assert!(matches!(&error, StoreError::Exists { what } if what == "apps.name, apps.server_id"), "{error:?}");
    world.db.write(|conn| apps::insert(conn, 0, &new_app("blog", b.id))).unwrap();
    let both = world.db.read(|conn| apps::find_by_name(conn, "blog")).unwrap();
    assert_eq!(both.iter().map(|app| app.server_name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    let error = world.db.write(|conn| servers::delete(conn, a.id)).unwrap_err();
    assert!(matches!(error, StoreError::Referenced), "{error:?}");
}

#[test]
fn an_app_is_read_as_it_was_written() {
    let world = World::new().server("a");
    let server_id = world.find_server("a").id;
    let full = Resources {
        port: 8080,
        service: Some("web".to_owned()),
        health_path: Some("/up".to_owned()),
        health_timeout_s: Some(90),
        memory: Some("512m".to_owned()),
        cpus: Some("1.5".to_owned()),
        publish: Some("0.0.0.0:80".to_owned()),
    };
    for (name, source) in [
        (
            "git",
            Source::Git {
                url: "https://example.com/x.git".to_owned(),
                branch: "dev".to_owned(),
                commit: None,
                login: None,
            },
        ),
        ("image", Source::Image { image: "nginx:1".to_owned() }),
        ("compose", Source::Compose),
    ] {
        let mut new = new_app(name, server_id);
        new.source = source.clone();
        new.resources = full.clone();
        new.compose = Some("services: {}\n".to_owned());
        new.domains =
            vec![format!("{name}.example.com"), format!("www.{name}.example.com"), format!("a.{name}.example.com")];
        world.db.write(|conn| apps::insert(conn, START_MS, &new)).unwrap();
        let mut app = world.find_app(name);
        assert_eq!((&app.source, &app.resources, &app.compose), (&source, &full, &new.compose));
        assert_eq!(app.domains, new.domains, "in their order");
        assert_eq!(
            (app.app_type.as_str(), app.status, app.current_deployment_id),
            (source.app_type(), AppStatus::Stopped, None)
        );
        assert_eq!(app.compose_project, format!("infrakt-{name}"));

        app.source = Source::Image { image: "other:2".to_owned() };
        app.resources = Resources { port: 1, ..Resources::default() };
        app.domains.remove(0);
        assert!(world.db.write(|conn| apps::update(conn, START_MS + 1000, &app)).unwrap());
        let found = world.find_app(name);
        assert_eq!((&found.source, &found.resources, &found.domains), (&app.source, &app.resources, &app.domains));
        assert_eq!((found.app_type.as_str(), found.updated_at), ("image", START_MS + 1000));
    }
}

#[test]
fn a_domain_belongs_to_one_app_of_a_server() {
    let world = World::new().server("a").app("blog").server("b").app("shop");
    let (a, b) = (world.find_server("a").id, world.find_server("b").id);
    let mut blog = world.find_app("blog");
    blog.domains = vec!["example.com".to_owned()];
    world.db.write(|conn| apps::update(conn, 0, &blog)).unwrap();
    let mut new = new_app("thief", a);
    new.domains = blog.domains.clone();
    let error = world.db.write(|conn| apps::insert(conn, 0, &new)).unwrap_err();
    assert!(matches!(&error, StoreError::Exists { what } if what == "route.server_id, route.domain"), "{error:?}");
    assert!(world.db.read(|conn| apps::find_by_name(conn, "thief")).unwrap().is_empty());
    new.server_id = b;
    world.db.write(|conn| apps::insert(conn, 0, &new)).unwrap();
    world.db.write(|conn| routes::insert(conn, a, "port.example.com", None, Some(9000))).unwrap();
    let of_a = world.db.read(|conn| routes::of_server(conn, a)).unwrap();
    let shown: Vec<_> = of_a.iter().map(|r| (r.domain.as_str(), r.app_id, r.port)).collect();
    assert_eq!(shown, [("example.com", Some(blog.id), None), ("port.example.com", None, Some(9000))]);
}

#[test]
fn an_app_that_goes_takes_everything_with_it_and_its_id_never_comes_back() {
    let world = World::new().server("a").app("blog");
    let blog = world.find_app("blog");
    let job = world.deploy("blog", "h1");
    world.db.write(|conn| ports::find_or_draw(conn, blog.server_id, blog.id, "main")).unwrap();
    assert!(world.db.write(|conn| apps::delete(conn, blog.id)).unwrap());
    assert!(!world.db.write(|conn| apps::delete(conn, blog.id)).unwrap());
    world
        .db
        .read(|conn| {
            assert_eq!(deployments::find(conn, job.deployment_id.unwrap())?, None);
            assert_eq!(deployments::spec(conn, job.deployment_id.unwrap())?, None);
            assert!(ports::of_server(conn, blog.server_id)?.is_empty());
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let id = world.db.write(|conn| apps::insert(conn, 0, &new_app("blog", blog.server_id))).unwrap();
    assert!(id > blog.id);
}

#[test]
fn pages_follow_each_other_without_gap_or_overlap() {
    let world = World::new().server("a");
    let server_id = world.find_server("a").id;
    for n in 0..25 {
        world.db.write(|conn| apps::insert(conn, 0, &new_app(&format!("app-{n}"), server_id))).unwrap();
    }
    let mut seen = Vec::new();
    let mut page = Page::first(10);
    loop {
        let some = world.db.read(|conn| apps::list(conn, apps::Filter::default(), page)).unwrap();
        seen.extend(some.iter().map(|app| app.id));
        match some.last() {
            Some(last) if some.len() == 10 => page = Page::after(last.id, 10),
            _ => break,
        }
    }
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
    assert_eq!(world.db.read(|conn| servers::app_count(conn, server_id)).unwrap(), 25);
    let none = apps::Filter { databases: Some(true), ..Default::default() };
    assert!(world.db.read(|conn| apps::list(conn, none, Page::all())).unwrap().is_empty());
}

#[test]
fn a_snapshot_is_read_as_it_was_written() {
    let world = World::new().server("a").app("blog");
    let mut app = world.find_app("blog");
    app.domains = vec!["example.com".to_owned()];
    app.source = Source::Git {
        url: "https://example.com/x.git".to_owned(),
        branch: "main".to_owned(),
        commit: Some("3f2c1a".to_owned()),
        login: Some("gAAAAA".to_owned()),
    };
    let mut new = world.new_deploy("blog", "h1");
    let mut snapshot = snapshot_of(&app, "h1");
    snapshot.env_sealed = r#"{"A":"gAAAAA"}"#.to_owned();
    new.snapshot = Some(snapshot.clone());
    let job = world.enqueue(&new).into_job();
    let spec = world.db.read(|conn| deployments::spec(conn, job.deployment_id.unwrap())).unwrap().unwrap();
    assert_eq!(
        (&spec.source, &spec.env_sealed, &spec.domains, spec.spec_hash.as_str()),
        (&snapshot.source, &snapshot.env_sealed, &snapshot.domains, "h1")
    );
    let deployment = world.db.read(|conn| deployments::list(conn, Some(app.id), Page::first(10))).unwrap().remove(0);
    assert_eq!((deployment.status, deployment.started_at), (DeploymentStatus::InProgress, START_MS));
}

#[test]
fn ports_are_drawn_once_and_redrawn_to_another() {
    let world = World::new().server("a").app("blog").app("shop");
    let (blog, shop) = (world.find_app("blog"), world.find_app("shop"));
    let draw = |app: i64| world.db.write(|conn| ports::find_or_draw(conn, blog.server_id, app, "main")).unwrap();
    let first = draw(blog.id);
    assert!((20000..=29999).contains(&first));
    assert_eq!(draw(blog.id), first);
    let other = draw(shop.id);
    assert_ne!(other, first);
    let again = world.db.write(|conn| ports::redraw(conn, blog.server_id, blog.id, "main")).unwrap();
    assert!(again != first && again != other);
    assert_eq!(draw(blog.id), again);
    assert_eq!(world.db.read(|conn| ports::of_server(conn, blog.server_id)).unwrap().len(), 2);
}
