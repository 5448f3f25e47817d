//! docs/json.md: its examples have the keys of real answers, its tables the codes and variables of the source.

use crate::contact::{add, met};
use crate::hand::Hand;
use crate::world::{World, words};
use infrakt::domain::step::StepState::Succeeded;
use infrakt::queue::finish::Ending;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// The command line and the block of each `<!-- example: … -->` (or of another mark), in the order of the page.
fn examples(mark: &str) -> Vec<(String, Value)> {
    let page = read("docs/json.md");
    let begins = format!("<!-- {mark}: ");
    let examples = page.split(&begins).skip(1).map(|rest| {
        let (command, rest) = rest.split_once(" -->\n```json\n").expect("a block behind the mark");
        let block = rest.split("\n```").next().unwrap();
        (command.to_owned(), serde_json::from_str(block).unwrap_or_else(|e| panic!("{command}: {e}\n{block}")))
    });
    examples.collect()
}

/// Keys of objects, below one another; where either side has nothing there, nothing is compared.
fn compare(at: &str, shown: &Value, real: &Value, faults: &mut Vec<String>) {
    match (shown, real) {
        // What is not installed has no more than that word.
        (Value::Object(_), Value::Object(real)) if real.len() == 1 && real.get("state") == Some(&"missing".into()) => {}
        (Value::Object(shown), Value::Object(real)) => {
            for key in real.keys().filter(|key| !shown.contains_key(*key)) {
                faults.push(format!("{at}: `{key}` is not in the example"));
            }
            for (key, value) in shown {
                match real.get(key) {
                    None => faults.push(format!("{at}: the answer has no `{key}`")),
                    Some(real) => compare(&format!("{at}.{key}"), value, real, faults),
                }
            }
        }
        (Value::Array(shown), Value::Array(real)) => {
            if let (Some(shown), Some(real)) = (shown.first(), real.first()) {
                compare(&format!("{at}[]"), shown, real, faults);
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (shown, real) => {
            if std::mem::discriminant(shown) != std::mem::discriminant(real) {
                faults.push(format!("{at}: {shown} and {real} are not of one kind"));
            }
        }
    }
}

#[test]
fn the_examples_have_the_keys_of_real_answers() {
    let (world, sshd) = met();
    let add = words(&add(&sshd, "--yes"));
    world.quiet(&add.iter().map(String::as_str).collect::<Vec<_>>());
    world.app("web", "prod-1");
    world.quiet(&["app", "edit", "web", "--domain", "web.example.com"]);
    world.quiet(&["env", "set", "web", "A=1"]);
    world.quiet(&["db", "create", "main", "--server", "prod-1", "--type", "postgres", "--no-wait"]);
    world.quiet(&["job", "cancel", "1"]);
    let mut faults = Vec::new();
    let mut examples = examples("example");
    // What the others look at must be there first.
    examples.sort_by_key(|(command, _)| command != "app deploy web");
    assert!(examples.len() > 5, "{examples:?}");
    for (command, shown) in examples {
        let words: Vec<&str> = command.split(' ').chain(["--json"]).collect();
        let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
        // What says how it stands ends with another code than 0, and prints all the same.
        let answer = world.output(&words, None).stdout;
        let real = serde_json::from_slice(&answer).unwrap_or_else(|e| panic!("{command}: {e}"));
        compare(&command, &shown, &real, &mut faults);
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_follower_prints_the_events_that_the_page_shows() {
    let world = World::with_web();
    let child = world.spawn(&mut world.command(&words("app deploy web --wait --json")));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while world.db().read(|conn| infrakt::store::jobs::find(conn, 1)).unwrap().is_none() {
        assert!(std::time::Instant::now() < deadline, "no job is asked for");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    let mut hand = Hand::claim(&world, 1);
    hand.plan(&["fetch"]).begin("fetch").log("pulling\n").end(800, Succeeded, 0, None);
    hand.finish(&Ending::Succeeded);
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let real: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut faults = Vec::new();
    let shown = examples("event");
    let names = |all: &mut dyn Iterator<Item = &Value>| -> BTreeSet<String> {
        all.map(|event| event["event"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&mut shown.iter().map(|(_, event)| event)), names(&mut real.iter()), "{text}");
    for (name, shown) in shown {
        let last = real.iter().rfind(|event| event["event"] == name.as_str()).unwrap();
        if name == "job" {
            // The whole job is shown further up.
            assert_eq!(last["job"]["state"], shown["job"]["state"]);
        } else {
            compare(&name, &shown, last, &mut faults);
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// First words of the rows of the table below a heading.
fn table(heading: &str) -> BTreeSet<String> {
    let page = read("docs/json.md");
    let section = page.split(&format!("## {heading}\n")).nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| row.trim_start_matches("| ").split(" |").next().unwrap().trim_matches('`').to_owned()).collect()
}

#[test]
fn the_exit_codes_are_those_of_the_source() {
    let source = read("src/cli/exit.rs");
    let constants = source.lines().filter(|line| line.starts_with("pub const ") && line.contains(": u8 = "));
    let codes: BTreeSet<String> =
        constants.map(|line| line.split(" = ").nth(1).unwrap().trim_end_matches(';').to_owned()).collect();
    assert_eq!(table("Errors"), codes);
}

#[test]
fn every_variable_that_is_read_is_explained() {
    let source = read("src/config/environment.rs");
    let named = source.split('"').filter(|word| word.starts_with("INFRAKT_") && !word.contains(' '));
    let named: BTreeSet<String> = named.map(str::to_owned).collect();
    let shown: BTreeSet<String> =
        table("Environment variables").into_iter().filter(|v| v.starts_with("INFRAKT_")).collect();
    assert_eq!(shown, named);
}
