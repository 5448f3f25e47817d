//! Wrong usage, help and version.

use crate::world::World;
use insta::assert_snapshot;

#[test]
fn wrong_usage_ends_with_2_and_changes_nothing() {
    let mut world = World::alone();
    world
        .run("frobnicate")
        .run("server")
        .run("app deploy")
        .run("app list --nope")
        .run("app deploy web --wait --no-wait")
        .run("job show twelve")
        .run("job resolve 1")
        .run("job list --state sleeping")
        .run("app create web --server a --git https://git.example/a.git --image b")
        .run("app create web --server a")
        .run("app deploy web --timeout soon");
    assert_snapshot!(world.transcript());
    assert!(!world.home().join("infrakt.db").exists() || world.home().join("infrakt.db").metadata().unwrap().len() > 0);
}

#[test]
fn the_version_says_what_was_built() {
    let world = World::alone();
    let output = world.quiet(&["--version"]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with(concat!("infrakt ", env!("CARGO_PKG_VERSION"))), "{said}");
    assert!(!world.home().exists(), "it needs no home");
}

#[test]
fn help_names_every_command() {
    let mut world = World::alone();
    world
        .run("--help")
        .run("server --help")
        .run("server add --help")
        .run("app --help")
        .run("app create --help")
        .run("app deploy --help")
        .run("env --help")
        .run("job --help");
    assert_snapshot!(world.transcript());
}
