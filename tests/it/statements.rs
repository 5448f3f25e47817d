//! No command loads a table: each statement that reads rows says how many at most, or stands here with what bounds it.

use std::collections::BTreeSet;
use std::path::Path;

/// File and function, and why it reads few rows whatever the size of the tables.
const BOUNDED: &[(&str, &str, &str)] = &[
    ("apps.rs", "find_by_name", "a name stands once on each server"),
    ("attempts.rs", "of_job", "claims of one job"),
    ("deployments.rs", "orphans", "once, when a home of the first release is taken over"),
    ("jobs.rs", "alive_by_server", "one a server that has work"),
    ("jobs.rs", "alive_in_lane", "what waits on one server"),
    ("jobs.rs", "alive_of_routes", "changes gather in the one that waits"),
    ("jobs.rs", "running", "one a lane"),
    ("lanes.rs", "asked_to_cancel", "cancels that are under way"),
    ("lanes.rs", "with_work", "one a server that has work"),
    ("logs.rs", "of_step", "a step's log has an upper limit"),
    ("migrate.rs", "look_at_tables", "names of tables"),
    ("ports.rs", "of_server", "two at most an app of one server"),
    ("routes.rs", "of_app", "domains of one app"),
    ("routes.rs", "of_server", "domains of one server"),
    ("steps.rs", "of_job", "a plan has few steps"),
    ("workers.rs", "list", "living processes"),
];

/// The functions of the store that read several rows, and whether they say how many.
fn readers() -> Vec<(String, String, bool)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // `sql.rs` is what the others call.
        if path.is_dir() || name == "sql.rs" {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        // A function ends with the first brace in the column where it began.
        for function in text.split("\nfn ").flat_map(|part| part.split(" fn ")).skip(1) {
            let body = function.split("\n}").next().unwrap();
            if body.contains("sql::rows") {
                let called = function.split(['(', '<']).next().unwrap().to_owned();
                found.push((name.clone(), called, body.contains("LIMIT")));
            }
        }
    }
    found
}

#[test]
fn each_statement_that_reads_rows_says_how_many_at_most() {
    let readers = readers();
    assert!(readers.len() > 15, "{readers:?}");
    let allowed: BTreeSet<(&str, &str)> = BOUNDED.iter().map(|(file, function, _)| (*file, *function)).collect();
    let unbounded: BTreeSet<(&str, &str)> = readers
        .iter()
        .filter(|(_, _, limited)| !limited)
        .map(|(file, function, _)| (file.as_str(), function.as_str()))
        .collect();
    let new: Vec<_> = unbounded.difference(&allowed).collect();
    assert!(new.is_empty(), "these read as many rows as there are: {new:?}");
    let gone: Vec<_> = allowed.difference(&unbounded).collect();
    assert!(gone.is_empty(), "these need no line any more: {gone:?}");
}
