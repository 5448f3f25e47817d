//! Exit codes, and the fingerprint of what a deploy is to put there.

use crate::{home, page};
use infrakt::clock::TestClock;
use infrakt::config::Home;
use infrakt::domain::app::{NewApp, Resources, Source};
use infrakt::domain::secret::Secret;
use infrakt::domain::server::NewServer;
use infrakt::service::Service;
use infrakt::service::apps::AppRef;
use infrakt::service::deployments::DeployRequest;
use infrakt::ssh::Ssh;
use infrakt::store::{apps, deployments, servers};
use std::sync::Arc;

const NOW: i64 = 1_764_000_000_000;

/// Numbers in the source, in the page and in the README.
#[test]
fn exit_codes() {
    let source = page::read("src/cli/exit.rs");
    let constants = source.lines().filter(|line| line.starts_with("pub const ") && line.contains(": u8 = "));
    let in_source: Vec<u8> =
        constants.map(|line| line.split(" = ").nth(1).unwrap().trim_end_matches(';').parse().unwrap()).collect();
    let first_number = |line: &str| line.trim_start_matches(['|', ' ']).split([' ', '|']).next().unwrap().parse().ok();
    let in_page: Vec<u8> = page::held("exit codes").lines().filter_map(first_number).collect();
    let readme = page::read("README.md");
    let section = readme.split("## Exit codes").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let in_readme: Vec<u8> = section.lines().filter(|line| line.starts_with('|')).filter_map(first_number).collect();
    assert_eq!(in_page, in_source);
    assert_eq!(in_readme, in_source);
}

#[test]
fn the_fingerprint_of_a_deploy() {
    let temp = tempfile::tempdir().unwrap();
    let home = Home::at(temp.path().join("home"));
    let service = Service::open(home.clone(), Arc::new(TestClock::at(NOW)), Ssh::start(), None).unwrap();
    let server = NewServer {
        name: "prod-1".into(),
        host: "203.0.113.10".into(),
        port: 22,
        user: "root".into(),
        ssh_key_path: None,
        provider: None,
        host_key: None,
    };
    let app = |server_id| NewApp {
        name: "web".into(),
        server_id,
        domains: vec!["web.example.com".into()],
        source: Source::Image { image: "nginx:1.27".into() },
        resources: Resources { port: 80, ..Resources::default() },
        compose: None,
    };
    service
        .db()
        .write(|conn| {
            let server_id = servers::insert(conn, NOW, &server)?;
            apps::insert(conn, NOW, &app(server_id))
        })
        .unwrap();
    let web = AppRef { name: "web".into(), server: None };
    let pairs = [("B", "two\n"), ("A", "1")].map(|(key, value)| (key.to_owned(), Secret::new(value.to_owned())));
    service.env_set(&web, pairs.into()).unwrap();
    service.deploy(&web, &DeployRequest::default(), "ann").unwrap();

    let spec = service.db().read(|conn| deployments::spec(conn, 1)).unwrap().unwrap();
    let canonical = page::held("canonical");
    assert_eq!(spec.spec_hash, home::fingerprint(&home.master_key(), canonical.trim_end().as_bytes()));
}
