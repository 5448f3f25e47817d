//! The schema of a fresh database is docs/schema.sql.

use crate::page;
use diesel::connection::Connection;
use diesel::prelude::QueryableByName;
use diesel::sql_types::Text;
use diesel::{RunQueryDsl, SqliteConnection, sql_query};
use infrakt::store::Db;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    t: String,
}

fn words(path: &Path, query: &str) -> Vec<String> {
    let mut conn = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    sql_query(query).load::<Row>(&mut conn).unwrap().into_iter().map(|row| row.t).collect()
}

/// What SQLite itself and the migrations' own table add is not part of the format.
const STATEMENTS: &str = "SELECT sql AS t FROM sqlite_schema
    WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite~_%' ESCAPE '~' AND name NOT LIKE '~_~_diesel%' ESCAPE '~' ORDER BY rowid";

#[test]
fn a_fresh_database_has_the_schema_of_the_page() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("infrakt.db");
    drop(Db::open(&path).unwrap());
    let statements: String = words(&path, STATEMENTS).into_iter().map(|sql| format!("{sql};\n")).collect();
    let made =
        format!("-- The schema of a fresh database: see formats.md, section 3. Held by tests/formats/.\n{statements}");
    let shown = page::read("docs/schema.sql");
    if shown != made {
        let new = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schema.sql");
        std::fs::write(&new, &made).unwrap();
        panic!("docs/schema.sql is not the schema of a fresh database; that is now in {}", new.display());
    }
}

/// The first release reads and writes these three.
#[test]
fn the_tables_of_the_first_release_keep_their_columns() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("infrakt.db");
    drop(Db::open(&path).unwrap());
    let mut made = String::new();
    for table in ["servers", "apps", "deployments"] {
        let columns =
            words(&path, &format!("SELECT name || ' ' || type AS t FROM pragma_table_info('{table}') ORDER BY cid"));
        made.push_str(&format!("{table}: {}\n", columns.join(", ")));
    }
    page::check("first release", &made);
}

#[test]
fn each_table_is_explained() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("infrakt.db");
    drop(Db::open(&path).unwrap());
    let page = page::read("docs/formats.md");
    let section = page.split("## 3. Database").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
    for table in words(
        &path,
        "SELECT name AS t FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'
         AND name NOT LIKE '~_~_diesel%' ESCAPE '~'",
    ) {
        assert!(section.contains(&format!("`{table}`")), "docs/formats.md, section 3, does not name `{table}`");
    }
}

#[test]
fn both_ways_of_each_migration_are_there() {
    let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in std::fs::read_dir(page::root().join("migrations/sqlite")).unwrap() {
        let folder = folder.unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = files.collect();
        files.sort();
        seen.insert(folder.file_name().into_string().unwrap(), files);
    }
    assert!(!seen.is_empty());
    for (name, files) in seen {
        assert_eq!(files, ["down.sql", "up.sql"], "{name}");
    }
}
