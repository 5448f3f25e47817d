//! Any value that can be typed comes out in the container as it went in, and means the same to compose: many at once, read by the
//! container itself.

use crate::support::cli::Home;
use crate::support::server::TestServer;
use infrakt::domain::secret::Secret;
use infrakt::render::dotenv;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

/// The longest value that must survive.
const LONGEST: usize = 64 * 1024;

/// The same values in each run; what breaks lines, quotes and words stands in most of them.
fn values() -> BTreeMap<String, String> {
    let nasty = prop::sample::select(vec![
        "\n",
        "\r\n",
        "\r",
        "\"",
        "'",
        "\\",
        "$",
        "$$",
        "${X}",
        "${X:-y}",
        "$(id)",
        "`id`",
        "#",
        " # ",
        "=",
        " ",
        "\t",
        "\u{85}",
        "\u{2028}",
        "\\n",
        "\\\"",
        "\\$",
        "{{",
        "}}",
        "%s",
        "é",
        "😀",
        "\u{1b}[0m",
        "\u{7f}",
        "\u{1}",
        "export ",
        "KEY=",
        ",",
        ":",
    ]);
    let piece = prop_oneof![4 => nasty.prop_map(str::to_owned), 1 => "[^\0]{0,40}", 1 => "[a-z]{1,20}"];
    let value = prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat());
    let mut runner = TestRunner::deterministic();
    let mut values: BTreeMap<String, String> =
        (0..400).map(|n| (format!("V_{n}"), value.new_tree(&mut runner).unwrap().current())).collect();
    values.insert("EMPTY".into(), String::new());
    values.insert("X".into(), "not this".into());
    for (n, unit) in ["plain ", "a\n", "\"$'\\", "ü😀#"].into_iter().enumerate() {
        let long = unit.repeat(LONGEST / unit.len());
        values.insert(format!("LONG_{n}"), long + &"x".repeat(LONGEST % unit.len()));
    }
    values
}

/// What the container's first process was given.
fn inside(server: &TestServer) -> BTreeMap<String, String> {
    let output = server.try_exec("docker exec $(docker ps -q --filter label=infrakt.app=web) cat /proc/1/environ");
    let pairs = output.stdout.split(|byte| *byte == 0).filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair).expect("what went in was UTF-8");
            let (key, value) = pair.split_once('=').unwrap();
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

#[track_caller]
fn assert_inside(server: &TestServer, values: &BTreeMap<String, String>) {
    let inside = inside(server);
    for (key, value) in values {
        assert_eq!(inside.get(key), Some(value), "{key}");
    }
}

#[test]
fn any_value_comes_out_in_the_container_as_it_went_in() {
    let server = TestServer::ready("values");
    let home = Home::with(&[("prod-1", &server)]);
    let image = "127.0.0.1:5000/hello:v1";
    home.run(&["app", "create", "web", "--server", "prod-1", "--image", image, "--port", "8080"]).ok();
    let mut values = values();
    let sealed = values.iter().map(|(key, value)| (key.clone(), Secret::new(value.clone()))).collect();
    let mut import = home.command(&["env", "import", "web"]).stdin(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(dotenv::render(&sealed).expose().as_bytes()).unwrap();
    assert!(import.wait().unwrap().success());
    home.run(&["app", "deploy", "web", "--wait"]).ok();
    assert_inside(&server, &values);

    // Others, by the other way.
    let others: Vec<(String, String)> = values
        .iter()
        .filter(|(key, _)| key.starts_with("V_"))
        .map(|(key, value)| (key.clone(), value.chars().rev().collect()))
        .collect();
    let pairs: Vec<String> = others.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let words: Vec<&str> = ["env", "set", "web"].into_iter().chain(pairs.iter().map(String::as_str)).collect();
    home.run(&words).ok();
    home.run(&["env", "push", "web"]).ok();
    values.extend(others);
    assert_inside(&server, &values);
}
