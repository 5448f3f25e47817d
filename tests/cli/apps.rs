//! `infrakt app create|list|show|edit`

use crate::world::World;
use insta::assert_snapshot;

#[test]
fn apps_come_from_an_image_git_or_a_compose_file() {
    let mut world = World::new();
    world.server("prod-1");
    world.file("compose.yml", "services:\n  web:\n    image: a\n");
    world
        .run("app list")
        .run("app create web --server prod-1 --image nginx:1 --domain Web.Example.com --domain www.example.com --publish 8080 --health /up --health-timeout 90s --memory 512m --cpus 1.5")
        .run("app create --name api --server prod-1 --git git@git.example:a/api.git --branch next --port 8000")
        .run("app create stack --server prod-1 --compose compose.yml --service web --json")
        .run("app list")
        .run("app show web")
        .run("app show prod-1/api --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn what_cannot_be_an_app_is_refused() {
    let mut world = World::with_web();
    world.run("app create web --server prod-1 --image b").run("app create b --server prod1 --image b");
    for (name, flags) in [
        ("-b", ""),
        ("a/b", ""),
        ("b", "--domain \"a b\""),
        ("b", "--publish 80:80"),
        ("b", "--health up"),
        ("b", "--health-timeout 2h"),
        ("b", "--memory lots"),
        ("b", "--cpus 0"),
        ("b", "--port 0"),
        ("b", "--branch main"),
    ] {
        world.run(&format!("app create {name} --server prod-1 --image b {flags}"));
    }
    world
        .run("app create b --server prod-1 --image \"a b\"")
        .run("app create b --server prod-1 --git ssh://me:secret@git.example/b.git")
        .run("app create b --server prod-1 --git https://me%0A:secret@git.example/b.git")
        .run("app create b --server prod-1 --git https://git.example/b.git --branch -f")
        .run("app create b --server prod-1 --compose none.yml")
        .run("app list");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_compose_file_that_cannot_work_alone_is_refused_with_the_reasons() {
    let mut world = World::new();
    world.server("prod-1");
    let two = "services: {web: {image: a}, db: {image: b}}\n";
    for (name, text) in [
        ("two.yml", two),
        ("one.yml", "services: {web: {image: a}}\n"),
        ("empty.yml", "services: {}\n"),
        ("broken.yml", "services:\n  web: {image: a\n"),
        ("folder.yml", "services: {web: {build: ., volumes: ['./data:/data']}}\nsecrets: {s: {file: s.txt}}\n"),
        ("include.yml", "include: [other.yml]\n"),
        ("extends.yml", "services: {web: {extends: {file: base.yml, service: web}, env_file: web.env}}\n"),
    ] {
        world.file(name, text);
    }
    for name in ["two", "empty", "broken", "folder", "include", "extends"] {
        world.run(&format!("app create shop --server prod-1 --compose {name}.yml"));
    }
    world
        .run("app create shop --server prod-1 --compose two.yml --service api")
        .run("app create shop --server prod-1 --compose two.yml --service web")
        .run("app edit shop --service \"\"")
        .run("app edit shop --service db")
        .run("app edit shop --compose one.yml")
        .run("app edit shop --compose folder.yml --service web")
        .run("app edit shop --compose one.yml --service \"\"")
        .run("app deploy shop --branch main")
        .run("app deploy shop --json");
    assert_snapshot!(world.transcript());
}

#[test]
fn the_login_in_a_repositorys_address_is_sealed_and_shown_to_nobody() {
    let mut world = World::new();
    world.server("prod-1");
    world
        .run("app create web --server prod-1 --git https://me:t0ken-4711-abcdef@git.example/web.git --json")
        .run("app list")
        .run("app edit web --branch next")
        .run("app show web")
        .run("app deploy web")
        .run("app deployments web --json")
        .run("app edit web --git https://git.example/web.git --json");
    assert_snapshot!(world.transcript());
    for file in ["infrakt.db", "infrakt.db-wal"] {
        let bytes = std::fs::read(world.home().join(file)).unwrap_or_default();
        assert!(!bytes.windows(5).any(|part| part == b"t0ken"), "{file}");
    }
}

#[test]
fn a_domain_leads_to_one_app_of_a_server() {
    let mut world = World::new();
    world.server("prod-1").server("prod-2");
    world
        .run("app create a --server prod-1 --image i --domain a.example")
        .run("app create b --server prod-1 --image i --domain A.example")
        .run("app create b --server prod-2 --image i --domain a.example")
        .run("app edit a --domain a.example --domain b.example")
        .run("app edit prod-2/b --domain b.example");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_name_on_two_servers_must_be_said_with_its_server() {
    let mut world = World::with_web();
    world.server("prod-2").app("web", "prod-2");
    world
        .run("app show web")
        .run("app deploy web")
        .run("env list web")
        .run("app show prod-2/web --json")
        .run("app edit web --server prod-2 --port 9000")
        .run("app show prod-2/web --server prod-1")
        .run("app show prod-3/web")
        .run("app list --server prod-2")
        .run("app list --server none");
    assert_snapshot!(world.transcript());
}

#[test]
fn a_mistyped_app_is_found() {
    let mut world = World::with_web();
    world.run("app show wbe").run("app show other").run("app deploy WEB").run("app deploy prod-1/wen");
    assert_snapshot!(world.transcript());
}

#[test]
fn an_edit_changes_what_it_names() {
    let mut world = World::with_web();
    world
        .run("app edit web --memory 1g --domain a.example --health /up")
        .run("app show web")
        .run("app edit web --memory \"\" --domain \"\" --image registry.example/web:2 --json")
        .run("app edit web --branch next")
        .run("app edit web --git https://git.example/web.git --branch next")
        .run("app edit web --branch v2")
        .run("app edit web")
        .run("app show web")
        .run("app edit none --port 1");
    assert_snapshot!(world.transcript());
}
