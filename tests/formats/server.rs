//! What lies on a server: Caddy blocks, labels, files that a deploy writes.

use crate::page;
use infrakt::domain::database;
use infrakt::domain::secret::Secret;
use infrakt::render::{caddyfile, compose, dotenv};
use std::collections::BTreeMap;

const INSTALLATION: &str = "0192f0c1-2345-7abc-8def-0123456789ab";

#[test]
fn a_route() {
    page::check("caddy", &caddyfile::block(INSTALLATION, Some("web"), "web.example.com", 20003));
    assert_eq!(caddyfile::mark(INSTALLATION, None), format!("# infrakt {INSTALLATION} -"));
}

#[test]
fn labels() {
    let owner = compose::Owner { installation: INSTALLATION, app: "web", deployment_id: 12, job_uid: INSTALLATION };
    let made: String = owner.labels().iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    page::check("labels", &made);
    assert_eq!(compose::NETWORK, "infrakt");
}

#[test]
fn volumes() {
    let made: String = ["main", "my.app"].map(|name| format!("{name:<7} {}\n", database::volume(name))).concat();
    page::check("volumes", &made);
}

#[test]
fn an_environment() {
    let env: BTreeMap<String, Secret<String>> = [("A", "plain"), ("B", "a\\b\"c$d\ne\rf # g"), ("DOCKER_HOST", "x")]
        .map(|(key, value)| (key.to_owned(), Secret::new(value.to_owned())))
        .into();
    page::check("dotenv", dotenv::render(&env).expose());
    assert!(!dotenv::render_for_compose(&env).expose().contains("DOCKER_HOST"));
}

#[test]
fn folders_that_the_steps_use() {
    let page = page::read("docs/formats.md");
    let scripts = ["src/ops/prelude.sh", "src/ops/caddy.sh", "src/ops/deploy/common.sh"].map(page::read).concat();
    for (in_scripts, in_page) in [
        ("/opt/infrakt/apps/$APP", "`/opt/infrakt/apps/<app>/`"),
        ("$app_dir/releases/$DEPLOYMENT", "`/opt/infrakt/apps/<app>/releases/<deployment id>/`"),
        ("/opt/infrakt/caddy/Caddyfile", "`/opt/infrakt/caddy/Caddyfile`"),
        ("/var/lib/infrakt", "`/var/lib/infrakt/`"),
        ("$state/caddy.lock", "`caddy.lock`"),
        ("$state/history", "`history`"),
    ] {
        assert!(scripts.contains(in_scripts), "no step uses {in_scripts}");
        assert!(page.contains(in_page), "docs/formats.md does not name {in_page}");
    }
}
