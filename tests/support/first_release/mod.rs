//! A home as the first release makes it: its tables as its library declares them, rows, files and modes.

#![allow(dead_code)] // each target uses its part

use diesel::connection::{Connection, SimpleConnection};
use diesel::prelude::QueryableByName;
use diesel::sql_types::{Nullable, Text};
use diesel::sqlite::SqliteConnection;
use diesel::{RunQueryDsl, sql_query};
use sha2::{Digest, Sha256};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub const KEY: &str = "aW5mcmFrdC10ZXN0LWtleS1pbmZyYWt0LXRlc3Qta2U=";
/// Made by the first release's own library under [`KEY`].
const TOKENS: [(&str, &str, &str); 3] = [
    (
        "TOKEN",
        "s3cret value",
        "gAAAAABoTuGAHRa0kGqLrRmjE-1ilOAqkrrYfWw-h27BnVd8AGQnrnPZ3nSZHS0T3vrDDovcO3J_U7j41nTMUUXVWFe6KqP9KA==",
    ),
    (
        "NASTY",
        "line one\nline \"two\" $HOME #no \u{fc}n\u{ef}",
        "gAAAAABoTuGAJECDAWq9W0qLFV8U4mlYdnwSVDmV_0LOlXOidVscX_8mJsGlDUu64lRYUXxqTyyjFGmzpnB4MV0pWolgLLfC2i60YlLOHh1e2U0GyWyTbjbHJVGMV-Y_hwvApJu-IcwQ",
    ),
    (
        "EMPTY",
        "",
        "gAAAAABoTuGAQ4nYtCba3KrSc0BPue5emcp82ywVmZCcqgNzIs2K56hBmdUeBByMPQ9xmTVLuKCR40BBZ_NAXC-0-z7JUM7JFg==",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    First,
    Newest,
    /// A database of the first one that the newest has opened.
    Upgraded,
}

impl Release {
    pub const ALL: [Release; 3] = [Release::First, Release::Newest, Release::Upgraded];
}

/// The variables of app 1, opened.
pub fn variables() -> Vec<(String, String)> {
    TOKENS.iter().map(|(key, value, _)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Makes the home `dir`, with rows of every kind.
pub fn home(dir: &Path, release: Release) {
    empty_home(dir, release);
    let db = database(dir);
    let rows = include_str!("rows.sql");
    match release {
        Release::First => run(&db, rows),
        Release::Upgraded => {
            run(&db, rows);
            run(&db, include_str!("upgrade.sql"));
            run(&db, include_str!("newest.sql").replace("CREATE TABLE ", "CREATE TABLE IF NOT EXISTS ").as_str());
            run(&db, include_str!("newest-rows.sql"));
        }
        Release::Newest => {
            // Its own columns get what its program writes when nothing is said.
            let rows = rows
                .replace("status, provider, created_at", "status, is_infrakt_host, provider, created_at")
                .replace("'active', ", "'active', 0, ")
                .replace("'provisioning', ", "'provisioning', 0, ")
                .replace("'inactive', ", "'inactive', 0, ")
                .replace(
                    "app_type, created_at",
                    "app_type, replicas, deploy_strategy, build_type, auto_deploy, created_at",
                )
                .replace("'image', '2025", "'image', 1, 'restart', 'auto', 1, '2025")
                .replace("'git', '2025", "'git', 1, 'restart', 'auto', 1, '2025")
                .replace("'compose', '2025", "'compose', 1, 'restart', 'auto', 1, '2025")
                .replace("'db:postgres', '2025", "'db:postgres', 1, 'restart', 'auto', 1, '2025")
                .replace("'db:redis', '2025", "'db:redis', 1, 'restart', 'auto', 1, '2025");
            run(&db, &rows);
            run(&db, include_str!("newest-rows.sql"));
        }
    }
    write(&dir.join("master.key"), KEY, 0o600);
    write(&dir.join("api_key.txt"), "an-api-key-of-43-characters-0123456789-abcd", 0o600);
    let lines: Vec<String> = TOKENS.iter().map(|(key, _, token)| format!("  \"{key}\": \"{token}\"")).collect();
    write(&dir.join("envs/1.json"), &format!("{{\n{}\n}}", lines.join(",\n")), 0o644);
    write(&dir.join("envs/6.json"), "{}", 0o644);
    // Left by an app that was destroyed; no row tells of its id.
    write(&dir.join("envs/42.json"), &format!("{{\n  \"OLD\": \"{}\"\n}}", TOKENS[0].2), 0o644);
}

/// Tables without rows, no key, no environments.
pub fn empty_home(dir: &Path, release: Release) {
    for folder in [dir.to_owned(), dir.join("envs"), dir.join("keys")] {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    }
    run(
        &database(dir),
        if release == Release::Newest { include_str!("newest.sql") } else { include_str!("first.sql") },
    );
    std::fs::set_permissions(database(dir), Permissions::from_mode(0o644)).unwrap();
}

pub fn database(dir: &Path) -> PathBuf {
    dir.join("infrakt.db")
}

pub fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Runs statements as another program does: foreign keys are not enforced.
pub fn run(db: &Path, sql: &str) {
    open(db).batch_execute(sql).unwrap();
}

fn open(db: &Path) -> SqliteConnection {
    let mut conn = SqliteConnection::establish(db.to_str().unwrap()).unwrap();
    conn.batch_execute("PRAGMA busy_timeout = 30000; PRAGMA foreign_keys = OFF").unwrap();
    conn
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Text>)]
    t: Option<String>,
}

/// The column `t` of each row.
pub fn texts(db: &Path, query: &str) -> Vec<String> {
    let rows = sql_query(query).load::<Row>(&mut open(db)).unwrap();
    rows.into_iter().map(|row| row.t.unwrap_or_else(|| "NULL".to_owned())).collect()
}

/// Tables that are there, SQLite's own left out.
pub fn tables(db: &Path) -> Vec<String> {
    let query = "SELECT name AS t FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name";
    texts(db, query)
}

pub fn columns(db: &Path, table: &str) -> Vec<String> {
    texts(db, &format!("SELECT name AS t FROM pragma_table_info('{table}') ORDER BY name"))
}

/// Every field of a table with its type, one text a row.
pub fn rows(db: &Path, table: &str, columns: &[String]) -> Vec<String> {
    let fields: Vec<String> = columns.iter().map(|c| format!("'{c}=' || typeof({c}) || ' ' || quote({c})")).collect();
    let order = if columns.iter().any(|c| c == "id") { "id" } else { "1" };
    texts(db, &format!("SELECT {} AS t FROM {table} ORDER BY {order}", fields.join(" || ' ' || ")))
}

/// The whole database as text: each table with its columns and rows.
pub fn dump(db: &Path) -> String {
    let mut out = String::new();
    for table in tables(db) {
        let columns = columns(db, &table);
        out.push_str(&format!("{table}\n"));
        for row in rows(db, &table, &columns) {
            out.push_str(&format!("  {row}\n"));
        }
    }
    out
}

/// All files below a folder with what tells their bytes from others, folders left out.
pub fn files(dir: &Path) -> std::collections::BTreeMap<PathBuf, String> {
    let mut all = std::collections::BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                let told = format!("{} bytes, {:x}", bytes.len(), Sha256::digest(&bytes));
                all.insert(path.strip_prefix(dir).unwrap().to_owned(), told);
            }
        }
    }
    all
}
