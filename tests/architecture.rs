//! The code map, checked: which room may use which, which room a foreign crate belongs to, and the shape of a file.

#[path = "support/rust_code.rs"]
mod rust_code;

use rust_code::Code;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The map in reading order. A room may use the rooms named on its line and no other room of this crate; a line names only rooms above
/// it, so that the arrows cannot form a cycle.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("config", &["domain"]),
    ("logging", &[]),
    ("vault", &["domain"]),
    ("render", &["domain"]),
    ("ssh", &["domain"]),
    ("store", &["domain"]),
    ("queue", &["domain", "clock", "store"]),
    ("ops", &["domain", "render"]),
    ("engine", &["domain", "clock", "vault", "render", "ssh", "store", "queue", "ops"]),
    ("actors", &["domain", "clock", "config", "ssh", "store", "queue", "engine"]),
    ("service", &["domain", "clock", "config", "vault", "render", "ssh", "store", "queue", "ops"]),
    ("http", &["domain", "config", "service"]),
    ("cli", &["domain", "clock", "config", "logging", "vault", "ssh", "store", "queue", "actors", "service", "http"]),
];

/// A foreign crate, or a path into one, and the rooms that may name it.
const FENCED: &[(&[&str], &[&str])] = &[
    (&["diesel"], &["store"]),
    (&["diesel_migrations"], &["store"]),
    (&["libsqlite3_sys"], &["store"]),
    (&["async_ssh2_lite"], &["ssh"]),
    (&["ssh2"], &["ssh"]),
    (&["libssh2_sys"], &["ssh"]),
    (&["actix"], &["actors"]),
    (&["actix_web"], &["http"]),
    (&["utoipa"], &["http"]),
    (&["utoipa_swagger_ui"], &["http"]),
    (&["rust_embed"], &["http"]),
    (&["subtle"], &["service"]),
    (&["clap"], &["cli", "config"]),
    (&["clap_complete"], &["cli"]),
    (&["clap_mangen"], &["cli"]),
    (&["fernet"], &["vault"]),
    (&["anyhow"], &["cli"]),
    (&["tracing_subscriber"], &["logging"]),
    (&["std", "env"], &["config"]),
    (&["std", "process", "exit"], &["cli"]),
    (&["std", "io", "stdout"], &["cli"]),
    (&["std", "io", "stderr"], &["cli", "logging"]),
    (&["std", "time", "SystemTime"], &["clock"]),
    (&["chrono", "Utc", "now"], &["clock"]),
    (&["chrono", "Local"], &["clock", "cli"]),
];

/// Rooms that do no I/O, read no clock and draw nothing at random: the same facts give the same text, so that it can be shown and compared.
const PURE: &[&str] = &["domain", "render", "ops"];

/// What a pure room cannot name.
const IMPURE: &[&[&str]] = &[
    &["std", "fs"],
    &["std", "net", "TcpStream"],
    &["std", "net", "TcpListener"],
    &["std", "net", "UdpSocket"],
    &["std", "net", "ToSocketAddrs"],
    &["std", "process"],
    &["std", "thread"],
    &["std", "os"],
    &["std", "time", "Instant"],
    &["libc"],
    &["rand"],
    &["tokio"],
];

/// Printing is for `cli`: a line printed anywhere else ends up in the middle of somebody's data.
const PRINTING: &[&str] = &["print", "println", "eprint", "eprintln", "dbg"];

/// Lines of a file, its tests not counted, after which a second thing has probably moved in.
const LONG_FILE: usize = 450;

/// Files that are longer and still one thing, with the thing.
const LONG_FILES: &[(&str, &str)] = &[("store/jobs.rs", "every statement on the table `job`")];

#[test]
fn rooms_use_only_what_the_map_allows() {
    let mut faults = Vec::new();
    for file in room_files() {
        let room = file.room.as_str();
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            faults.push(format!("{}: the room `{room}` is not in ROOMS", file.name));
            continue;
        };
        for path in &file.code.paths {
            let at = format!("{}:{}", file.name, path.line);
            if path.is_crate_root {
                faults.push(format!("{at}: name the room, not the crate root"));
            }
            if let Some(target) = path.room.as_deref()
                && target != room
                && ROOMS.iter().any(|(name, _)| *name == target)
                && !allowed.contains(&target)
            {
                faults.push(format!("{at}: `{room}` must not use `{target}`"));
            }
            for (fenced, rooms) in FENCED {
                if path.begins_with(fenced) && !rooms.contains(&room) {
                    faults.push(format!("{at}: only {rooms:?} may use `{}`", fenced.join("::")));
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn the_map_has_no_cycles() {
    for (here, (name, allowed)) in ROOMS.iter().enumerate() {
        for used in *allowed {
            let there = ROOMS.iter().position(|(n, _)| n == used);
            assert!(there.is_some_and(|there| there < here), "`{name}` lists `{used}`, which does not come before it");
        }
    }
}

/// The table of rooms in docs/architecture.md is this one.
#[test]
fn the_document_shows_the_same_map() {
    let text = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md"));
    let words = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let shown: Vec<(String, Vec<String>)> = text
        .lines()
        .skip_while(|line| !line.starts_with("| room |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            (words(cells[0]).concat(), words(cells[2]))
        })
        .collect();
    let map: Vec<(String, Vec<String>)> = ROOMS
        .iter()
        .map(|(room, allowed)| ((*room).to_owned(), allowed.iter().map(|a| (*a).to_owned()).collect()))
        .collect();
    assert_eq!(shown, map);
}

#[test]
fn pure_rooms_do_no_input_or_output() {
    let mut faults = Vec::new();
    for file in room_files().iter().filter(|f| PURE.contains(&f.room.as_str())) {
        for path in &file.code.paths {
            for impure in IMPURE.iter().filter(|i| path.begins_with(i)) {
                faults.push(format!("{}:{}: `{}` in a pure room", file.name, path.line, impure.join("::")));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn only_the_command_line_prints() {
    let mut faults = Vec::new();
    for file in room_files().iter().filter(|f| f.room != "cli") {
        for (name, line) in file.code.macros.iter().filter(|(name, _)| PRINTING.contains(&name.as_str())) {
            faults.push(format!("{}:{line}: `{name}!` outside of `cli`", file.name));
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// `expect` says it in its text, `unwrap` in a comment on its line or the one above.
#[test]
fn whoever_unwraps_says_why_it_cannot_fail() {
    let mut faults = Vec::new();
    for file in room_files() {
        let lines: Vec<&str> = file.text.lines().collect();
        for line in &file.code.unwraps {
            let above = line.checked_sub(2).map_or("", |at| lines[at]);
            if !lines[line - 1].contains("//") && !above.trim_start().starts_with("//") {
                faults.push(format!("{}:{line}: `unwrap` without a reason", file.name));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bare: Vec<String> = ["src", "tests"]
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)))
        .filter(|file| !read(file).starts_with("//! "))
        .map(|file| file.strip_prefix(root).unwrap().display().to_string())
        .collect();
    assert!(bare.is_empty(), "no `//!` line at the top of: {}", bare.join(", "));
}

#[test]
fn no_test_is_switched_off() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = Vec::new();
    for file in ["src", "tests"].iter().flat_map(|folder| rust_files(&root.join(folder))) {
        for (at, line) in read(&file).lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with("#[ignore") || line.starts_with("#[should_panic") {
                faults.push(format!("{}:{}: {line}", file.strip_prefix(root).unwrap().display(), at + 1));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_file_is_one_thing() {
    let mut faults = Vec::new();
    for file in room_files() {
        let lines = file.text.lines().count() - file.code.test_lines;
        if lines > LONG_FILE && !LONG_FILES.iter().any(|(name, _)| *name == file.name) {
            faults.push(format!("{}: {lines} lines; look for the second thing in it", file.name));
        }
    }
    for (name, _) in LONG_FILES {
        assert!(source_root().join(name).exists(), "LONG_FILES names `{name}`, which is gone");
    }
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// Each room has a file and a line in the code map of `src/lib.rs`; the lines stand in reading order.
#[test]
fn the_code_map_names_every_room_in_reading_order() {
    let lib = read(&source_root().join("lib.rs"));
    let lines = lib.lines().filter_map(|line| line.strip_prefix("//! - [`")?.split_once("`]: "));
    let named: Vec<&str> = lines.map(|(room, _)| room).collect();
    let map: Vec<&str> = ROOMS.iter().map(|(room, _)| *room).collect();
    assert_eq!(named, map, "src/lib.rs");
    let with_files: BTreeSet<String> = room_files().into_iter().map(|file| file.room).collect();
    assert_eq!(with_files, map.into_iter().map(str::to_owned).collect());
}

#[test]
fn the_reader_sees_what_it_is_there_to_see() {
    let code = Code::read(
        "use std::{env, process}; use chrono::Utc as U; use super::super::store as s; use crate::*;
         mod inner { use super::thing; }
         fn f() { process::exit(1); U::now(); <T as crate::queue::Q>::q(); println!(\"x\"); a.unwrap(); \"crate::http\"; }
         #[cfg(test)] mod tests { use crate::cli; }
         macro_rules! m { () => { $crate::ops::x() } }",
        2,
    );
    let begins = |path: &[&str]| code.paths.iter().any(|p| p.begins_with(path));
    assert!(begins(&["std", "env"]) && begins(&["std", "process", "exit"]) && begins(&["chrono", "Utc", "now"]));
    let rooms: BTreeSet<&str> = code.paths.iter().filter_map(|p| p.room.as_deref()).collect();
    assert_eq!(rooms, BTreeSet::from(["*", "ops", "queue", "store"]));
    assert_eq!(code.paths.iter().filter(|p| p.is_crate_root).count(), 1);
    assert_eq!(code.macros, [("println".to_owned(), 3)]);
    assert_eq!(code.unwraps, [3]);
}

/// A file of a room, read.
struct RoomFile {
    /// Below `src/`.
    name: String,
    room: String,
    text: String,
    code: Code,
}

fn source_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// `lib.rs`, `main.rs` and files of tests alone (`tests.rs`, `tests/`) belong to no room.
fn room_files() -> Vec<RoomFile> {
    let src = source_root();
    let mut out = Vec::new();
    for path in rust_files(&src) {
        let rel = path.strip_prefix(&src).unwrap();
        let parts: Vec<&str> = rel.iter().map(|part| part.to_str().unwrap().trim_end_matches(".rs")).collect();
        if matches!(parts[0], "lib" | "main") || parts.contains(&"tests") {
            continue;
        }
        // How many `super`s lead from the file's module to the crate root.
        let depth = if parts.last() == Some(&"mod") { parts.len() - 1 } else { parts.len() };
        let text = read(&path);
        let code = Code::read(&text, depth);
        out.push(RoomFile { name: rel.display().to_string(), room: parts[0].to_owned(), text, code });
    }
    out
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            out.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
    out.sort();
    out
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
