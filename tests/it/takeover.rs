//! Taking over a home of the first release: nothing is lost, nothing is done twice, and its own program still reads and writes there.

use crate::first_release::{self, Release, columns, database, dump, files, rows, run, texts};
use infrakt::clock::{Clock, TestClock};
use infrakt::config::Home;
use infrakt::domain::app::Source;
use infrakt::domain::server::ServerStatus;
use infrakt::service::apps::AppRef;
use infrakt::service::{Service, ServiceError};
use infrakt::ssh::Ssh;
use infrakt::store::{Page, StoreError, apps, deployments, routes, servers};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

const SHARED: [&str; 3] = ["servers", "apps", "deployments"];
const START_MS: i64 = 1_767_225_600_000;

pub fn open(dir: &Path) -> Result<Service, ServiceError> {
    let clock: Arc<dyn Clock> = Arc::new(TestClock::at(START_MS));
    Service::open(Home::at(dir), clock, Ssh::start(), None)
}

fn of(name: &str, server: &str) -> AppRef {
    AppRef { name: name.into(), server: Some(server.into()) }
}

/// Each row of the three tables, and of all others that were there.
fn all_rows(db: &Path, of: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    of.iter().map(|(table, columns)| (table.clone(), rows(db, table, columns))).collect()
}

fn shape(db: &Path) -> BTreeMap<String, Vec<String>> {
    first_release::tables(db).into_iter().map(|table| (table.clone(), columns(db, &table))).collect()
}

#[test]
fn every_field_of_every_row_is_kept_but_for_what_hung() {
    for release in Release::ALL {
        let dir = tempfile::tempdir().unwrap();
        first_release::home(dir.path(), release);
        let db = database(dir.path());
        let shape = shape(&db);
        let before = all_rows(&db, &shape);
        let taken = open(dir.path()).unwrap();
        let said = taken.taken_over().expect("it was taken over").clone();
        assert_eq!(
            (said.database.servers, said.database.apps, said.database.interrupted, said.orphaned),
            (3, 10, 2, 1)
        );

        let mut changed = Vec::new();
        for (table, after) in all_rows(&db, &shape) {
            assert_eq!(after.len(), before[&table].len(), "{release:?} {table}");
            for (before, after) in before[&table].iter().zip(after) {
                if *before != after {
                    changed.push((table.clone(), before.clone(), after));
                }
            }
        }
        let mut hung: Vec<&str> = changed.iter().map(|(table, _, _)| table.as_str()).collect();
        hung.sort_unstable();
        assert_eq!(hung, ["apps", "deployments", "deployments", "servers"], "{release:?}: {changed:#?}");
        let deployments = texts(
            &db,
            "SELECT id || ' ' || status || ' ' || finished_at || ' ' || log AS t FROM deployments WHERE id IN (2, 3)",
        );
        insta::allow_duplicates! {
            insta::assert_snapshot!(deployments.join("\n").replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r"
            2 failed 2026-01-01 00:00:00.000000 interrupted: this deployment was in progress when infrakt VERSION took the home over, and nobody was left to end it
            3 failed 2026-01-01 00:00:00.000000 [2025-06-01T10:13:00.000123] Deploying web
            interrupted: this deployment was in progress when infrakt VERSION took the home over, and nobody was left to end it
            ");
        }
        assert_eq!(texts(&db, "SELECT status AS t FROM apps WHERE id = 5"), ["error"]);
        assert_eq!(texts(&db, "SELECT status AS t FROM servers WHERE id = 2"), ["inactive"]);
    }
}

#[test]
fn the_rows_are_read_as_they_are_meant() {
    let dir = tempfile::tempdir().unwrap();
    first_release::home(dir.path(), Release::First);
    let service = open(dir.path()).unwrap();
    let servers = service.db().read(|conn| servers::list(conn, Page::all())).unwrap();
    let shown: Vec<_> =
        servers.iter().map(|s| (s.name.as_str(), s.port, s.ssh_key_path.as_deref(), s.status)).collect();
    assert_eq!(
        shown,
        [
            ("prod-1", 22, Some("~/.ssh/id_ed25519"), ServerStatus::Active),
            ("prod-2", 2222, None, ServerStatus::Inactive),
            ("my server; x", 0, None, ServerStatus::Inactive),
        ]
    );
    assert_eq!(servers[0].updated_at - servers[0].created_at, 91_800_000);
    let apps = service.db().read(|conn| apps::list(conn, apps::Filter::default(), Page::all())).unwrap();
    let shown: Vec<String> = apps
        .iter()
        .map(|a| format!("{} {:?} {} {:?} {}", a.id, a.domains, a.compose_project, a.name, a.source.app_type()))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
    1 ["web.example.com"] web "web" image
    2 [] web "web" git
    3 ["web.example.com"] shop "shop" git
    4 [] pg "pg" compose
    5 [] cache "cache" compose
    6 [] old "old" compose
    7 ["not a domain"] web "we b\n" image
    8 [] infrakt-my-app-13d7e3 "my.app" image
    9 ["my.example.com"] infrakt-myapp "myapp" image
    10 [] infrakt-repo "repo" image
    "#);
    assert!(matches!(&apps[2].source, Source::Git { branch, .. } if branch == "release"));
    assert_eq!(apps[6].resources.port, 0);
    let routed = service.db().read(|conn| routes::of_server(conn, 1)).unwrap();
    let routed: Vec<_> = routed.iter().map(|r| (r.domain.as_str(), r.app_id)).collect();
    assert_eq!(routed, [("web.example.com", Some(1)), ("my.example.com", Some(9))], "the one that runs has the domain");
    let first = service.db().read(|conn| deployments::find(conn, 1)).unwrap().unwrap();
    assert_eq!(first.finished_at.unwrap() - first.started_at, 9311);

    let env = service.env_list(&of("web", "prod-1"), true).unwrap().1;
    let mut opened: Vec<_> = env.into_iter().map(|var| (var.key, var.value)).collect();
    let mut expect = first_release::variables();
    opened.sort();
    expect.sort();
    assert_eq!(opened, expect);
    assert_eq!(std::fs::read_to_string(dir.path().join("api_key.txt")).unwrap().len(), 43);
}

#[test]
fn what_the_newest_release_holds_more_is_used_where_this_one_has_it() {
    for release in [Release::Newest, Release::Upgraded] {
        let dir = tempfile::tempdir().unwrap();
        first_release::home(dir.path(), release);
        let service = open(dir.path()).unwrap();
        let web = service.app(&of("web", "prod-1")).unwrap();
        assert_eq!(
            (web.domains.as_slice(), web.service.as_deref(), web.compose_project.as_str()),
            (["web.example.com".to_owned()].as_slice(), Some("web"), "infrakt-web")
        );
        assert_eq!(
            (web.memory.as_deref(), web.cpus.as_deref(), web.health_path.as_deref()),
            (Some("512m"), Some("0.5"), Some("/up"))
        );
        let shop = service.app(&of("shop", "prod-1")).unwrap();
        assert_eq!((shop.memory, shop.cpus, shop.health_path), (None, None, None), "what is none here is only kept");
        let several = service.app(&of("web", "prod-2")).unwrap();
        assert_eq!(several.domains, [r#"{"api": "api.example.com", "site": "www.example.com"}"#]);
        let sealed = texts(&database(dir.path()), "SELECT password_sealed AS t FROM app_ext WHERE app_id = 4");
        assert!(sealed[0].starts_with("gAAAA"), "{sealed:?}");
        let deployment = service.deployment(1).unwrap();
        assert_eq!(deployment.commit_subject.as_deref(), Some("say hello"));
        assert_eq!(deployment.images["web"], "nginx:1.27");
        // Its further tables do not stand in the way, and their rows go with what they belong to.
        let db = database(dir.path());
        service.db().write(|conn| apps::delete(conn, 4)).unwrap();
        assert_eq!(texts(&db, "SELECT count(*) AS t FROM app_dependencies"), ["0"]);
        service.db().write(|conn| apps::delete(conn, 2)).unwrap();
        service.db().write(|conn| servers::delete(conn, 2)).unwrap();
        assert_eq!(texts(&db, "SELECT group_concat(server_id) AS t FROM server_tags"), ["1"]);
        service.db().write(|conn| apps::delete(conn, 1)).unwrap();
        assert_eq!(texts(&db, "SELECT count(*) AS t FROM apps WHERE parent_app_id IS NOT NULL"), ["0"]);
        service.db().check().unwrap();
    }
}

#[test]
fn a_second_start_changes_nothing() {
    for release in Release::ALL {
        let dir = tempfile::tempdir().unwrap();
        first_release::home(dir.path(), release);
        drop(open(dir.path()).unwrap());
        let (before, rows) = (files(dir.path()), dump(&database(dir.path())));
        let again = open(dir.path()).unwrap();
        assert!(again.taken_over().is_none());
        drop(again);
        assert_eq!(dump(&database(dir.path())), rows);
        let after = files(dir.path());
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
        let changed: Vec<_> =
            before.iter().filter(|(path, bytes)| after[*path] != **bytes).map(|(path, _)| path).collect();
        assert!(changed.is_empty(), "{changed:?}");
    }
}

#[test]
fn the_copy_is_the_database_as_it_was_and_nothing_is_open_to_others() {
    for release in Release::ALL {
        let dir = tempfile::tempdir().unwrap();
        first_release::home(dir.path(), release);
        std::fs::create_dir(dir.path().join("backups")).unwrap();
        first_release::write(&dir.path().join("backups/pg.sql"), "rows", 0o644);
        let before = dump(&database(dir.path()));
        let copy = open(dir.path()).unwrap().taken_over().unwrap().database.copy.clone();
        let name = format!("infrakt.db.before-{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(copy, dir.path().join(&name));
        assert_eq!(dump(&copy), before);
        for (path, _) in files(dir.path()) {
            let mode = std::fs::metadata(dir.path().join(&path)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
        }
        for folder in ["", "envs", "envs/orphaned", "keys", "backups", "run"] {
            let mode = std::fs::metadata(dir.path().join(folder)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o700, "{folder}");
        }
    }
}

#[test]
fn what_lies_in_a_write_ahead_log_is_taken_along() {
    let dir = tempfile::tempdir().unwrap();
    first_release::home(dir.path(), Release::First);
    let db = database(dir.path());
    run(&db, "PRAGMA journal_mode = WAL");
    // A connection that stays: what the other one commits is not carried over to the database.
    let kept = tempfile::tempdir().unwrap();
    let other = infrakt_free_connection(&db);
    run(&db, "UPDATE servers SET provider = 'moved' WHERE id = 1");
    for name in ["infrakt.db", "infrakt.db-wal"] {
        std::fs::copy(dir.path().join(name), kept.path().join(name)).unwrap();
    }
    drop(other);
    first_release::write(&kept.path().join("master.key"), first_release::KEY, 0o600);
    let copy = open(kept.path()).unwrap().taken_over().unwrap().database.copy.clone();
    for db in [copy, database(kept.path())] {
        assert_eq!(texts(&db, "SELECT provider AS t FROM servers WHERE id = 1"), ["moved"], "{}", db.display());
    }
}

fn infrakt_free_connection(db: &Path) -> diesel::sqlite::SqliteConnection {
    use diesel::connection::{Connection, SimpleConnection};
    let mut conn = diesel::sqlite::SqliteConnection::establish(db.to_str().unwrap()).unwrap();
    conn.batch_execute("SELECT count(*) FROM servers").unwrap();
    conn
}

#[test]
fn no_id_that_was_ever_seen_comes_again_and_environments_of_nobody_are_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    first_release::home(dir.path(), Release::Newest);
    first_release::write(&dir.path().join("envs/99999999999999999999.json"), "{}", 0o644);
    let old = std::fs::read(dir.path().join("envs/42.json")).unwrap();
    drop(open(dir.path()).unwrap());
    let db = database(dir.path());
    // 57: a deployment of an app that is gone; 9: a measurement of a server that is gone.
    let next = texts(
        &db,
        "SELECT name || ' ' || seq AS t FROM sqlite_sequence WHERE name IN ('apps', 'servers', 'deployments') ORDER BY name",
    );
    assert_eq!(next, ["apps 57", "deployments 5", "servers 9"]);
    assert_eq!(std::fs::read(dir.path().join("envs/orphaned/42.json")).unwrap(), old);
    assert!(dir.path().join("envs/orphaned/README.txt").exists());
    assert!(!dir.path().join("envs/42.json").exists());
    assert!(dir.path().join("envs/1.json").exists() && dir.path().join("envs/6.json").exists());

    let dir = tempfile::tempdir().unwrap();
    first_release::empty_home(dir.path(), Release::First);
    first_release::write(&dir.path().join("envs/42.json"), "{}", 0o644);
    drop(open(dir.path()).unwrap());
    let next = texts(&database(dir.path()), "SELECT seq AS t FROM sqlite_sequence WHERE name = 'apps'");
    assert_eq!(next, ["42"], "the file alone tells of it");
}

/// Statements as its library sends them, values in the place of its marks.
#[test]
fn the_first_release_reads_and_writes_its_tables_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    first_release::home(dir.path(), Release::First);
    drop(open(dir.path()).unwrap());
    let db = database(dir.path());
    run(
        &db,
        "INSERT INTO servers (name, host, port, user, ssh_key_path, status, provider, created_at, updated_at) VALUES ('late', '203.0.113.9', 22, 'root', NULL, 'inactive', NULL, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) RETURNING id, created_at, updated_at;
         INSERT INTO apps (name, server_id, domain, port, git_repo, branch, image, status, app_type, created_at, updated_at) VALUES ('late', 4, 'Late.example.com', 3000, NULL, 'main', 'nginx', 'running', 'image', CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) RETURNING id, created_at, updated_at;
         INSERT INTO deployments (app_id, commit_hash, status, log, started_at, finished_at) VALUES (58, NULL, 'in_progress', NULL, CURRENT_TIMESTAMP, NULL) RETURNING id, started_at;
         UPDATE deployments SET status='success', log='x', finished_at='2026-11-25 19:31:08.742818' WHERE deployments.id = 6;
         UPDATE apps SET status='stopped', updated_at=CURRENT_TIMESTAMP WHERE apps.id = 1;
         DELETE FROM deployments WHERE deployments.id = 1",
    );
    let read = texts(
        &db,
        "SELECT servers.id || servers.name || servers.host || servers.port || servers.user || coalesce(servers.ssh_key_path, '') || servers.status || coalesce(servers.provider, '') || servers.created_at || servers.updated_at AS t FROM servers ORDER BY servers.name",
    );
    assert_eq!(read.len(), 4);
    let service = open(dir.path()).unwrap();
    let late = service.app(&of("late", "late")).unwrap();
    assert_eq!(
        (late.id, late.domains.as_slice(), late.compose_project.as_str()),
        (58, ["late.example.com".to_owned()].as_slice(), "infrakt-late")
    );
    assert_eq!(service.deployments(&of("late", "late"), 10, None).unwrap().1[0].status, "success");
    // A deploy gives it what it lacks.
    let request = infrakt::service::deployments::DeployRequest::default();
    service.deploy(&of("late", "late"), &request, "ada").unwrap();
    assert_eq!(
        texts(&db, "SELECT domain || ' ' || app_id AS t FROM route WHERE server_id = 4"),
        ["late.example.com 58"]
    );
    assert_eq!(texts(&db, "SELECT compose_project AS t FROM app_ext WHERE app_id = 58"), ["infrakt-late"]);
    // And the environment that is written here is the file that it reads.
    service.env_set(&of("late", "late"), vec![("A".into(), infrakt::domain::secret::Secret::new("1".into()))]).unwrap();
    let file = std::fs::read_to_string(dir.path().join("envs/58.json")).unwrap();
    assert!(file.starts_with("{\n  \"A\": \"gAAAAA"), "{file}");
}

#[test]
fn the_newest_release_reads_and_writes_its_tables_afterwards() {
    for release in [Release::Newest, Release::Upgraded] {
        let dir = tempfile::tempdir().unwrap();
        first_release::home(dir.path(), release);
        let service = open(dir.path()).unwrap();
        let db = database(dir.path());
        run(
            &db,
            "INSERT INTO servers (name, host, port, user, ssh_key_path, status, is_infrakt_host, provider, created_at, updated_at) VALUES ('late', '203.0.113.9', 22, 'root', NULL, 'inactive', 0, NULL, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) RETURNING id, created_at, updated_at;
             INSERT INTO apps (name, server_id, domain, port, git_repo, branch, image, status, app_type, backup_id, backup_schedule, cpu_limit, memory_limit, health_check_url, health_check_interval, replicas, deploy_strategy, build_type, webhook_secret, github_hook_id, domain_ports, db_password_encrypted, auto_deploy, parent_app_id, created_at, updated_at) VALUES ('late', 10, NULL, 3000, NULL, 'main', 'nginx', 'stopped', 'compose', 'aaaabbbb', NULL, NULL, NULL, NULL, NULL, 1, 'restart', 'auto', NULL, NULL, NULL, NULL, 1, 1, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP) RETURNING id, created_at, updated_at;
             INSERT INTO deployments (app_id, commit_hash, commit_message, image_used, image_tag, status, log, started_at, finished_at) VALUES (58, NULL, NULL, NULL, NULL, 'in_progress', NULL, CURRENT_TIMESTAMP, NULL) RETURNING id, started_at;
             INSERT INTO server_tags (server_id, tag) VALUES (10, 'late') RETURNING id",
        );
        assert_eq!(service.app(&of("late", "late")).unwrap().id, 58);
        // Rows of ours hold what its program wants to find there.
        service
            .create_app(infrakt::service::apps::CreateApp {
                name: "ours".into(),
                server: "late".into(),
                source: infrakt::service::apps::SourceRequest { image: Some("nginx".into()), ..Default::default() },
                settings: Default::default(),
            })
            .unwrap();
        let read = texts(
            &db,
            "SELECT apps.replicas || ' ' || apps.deploy_strategy || ' ' || apps.build_type || ' ' || apps.auto_deploy AS t FROM apps WHERE apps.name = 'ours'",
        );
        assert_eq!(read, ["1 restart auto 1"]);
    }
}

#[test]
fn what_cannot_be_deployed_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    first_release::home(dir.path(), Release::Newest);
    let service = open(dir.path()).unwrap();
    run(&database(dir.path()), "UPDATE apps SET name = 'bad-port', domain = NULL WHERE id = 7; UPDATE apps SET domain = 'my.example.com' WHERE id = 8;
        UPDATE apps SET git_repo = NULL, image = 'nginx' WHERE id IN (2, 3)");
    let mut said = String::new();
    for (name, server) in
        [("bad-port", "my server; x"), ("web", "prod-2"), ("shop", "prod-1"), ("my.app", "prod-1"), ("old", "prod-1")]
    {
        let refused = service.deploy(&of(name, server), &Default::default(), "ada").unwrap_err();
        said.push_str(&format!("{name}: {refused}\n  {}\n", refused.hint().unwrap_or_default()));
    }
    insta::assert_snapshot!(said);
}

#[test]
fn an_earlier_copy_is_never_written_over() {
    let dir = tempfile::tempdir().unwrap();
    first_release::home(dir.path(), Release::First);
    let copy = dir.path().join(format!("infrakt.db.before-{}", env!("CARGO_PKG_VERSION")));
    std::fs::write(&copy, "of another time").unwrap();
    let original = std::fs::read(database(dir.path())).unwrap();
    let kept = open(dir.path()).unwrap().taken_over().unwrap().database.copy.clone();
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "of another time");
    assert_eq!(kept, dir.path().join(format!("infrakt.db.before-{}.2", env!("CARGO_PKG_VERSION"))));
    // What a taking over leaves that was killed behind its copy: the next one's is the same.
    std::fs::write(database(dir.path()), original).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.path().join(format!("infrakt.db{suffix}")));
    }
    assert_eq!(open(dir.path()).unwrap().taken_over().unwrap().database.copy, kept);
}

#[test]
fn a_database_that_is_opened_without_its_home_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    first_release::home(dir.path(), Release::First);
    let error = infrakt::store::Db::open(&database(dir.path())).unwrap_err();
    assert!(matches!(error, StoreError::FirstRelease { .. }), "{error:?}");
    assert!(SHARED.iter().all(|table| first_release::tables(&database(dir.path())).contains(&(*table).to_owned())));
}
