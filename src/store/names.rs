//! The names that a shell completes: read from a database as it lies there, which this neither makes nor changes.

use super::StoreError;
use super::conn::Conn;
use super::sql::{self, from_row, values};
use std::path::Path;

/// More than this nobody reads in a shell.
const SHOWN: i64 = 500;

/// An app or a database, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    pub name: String,
    pub server: String,
    pub is_database: bool,
}

/// What there is to name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub servers: Vec<String>,
    pub apps: Vec<Placed>,
    /// Those that have not ended, the newest first.
    pub jobs: Vec<String>,
}

struct Word(String);

from_row!(Word, |row| Word(sql::text(row, "t")?));
from_row!(Placed, |row| Placed {
    name: sql::text(row, "name")?,
    server: sql::text(row, "server")?,
    is_database: sql::int::<i64>(row, "is_database")? != 0,
});

/// Reads them. A home of an older version has fewer tables: what cannot be read is left out.
pub fn read(path: &Path) -> Result<Names, StoreError> {
    let mut conn = Conn::open_to_look(&path.into())?;
    let conn = &mut conn;
    let words = |rows: Vec<Word>| rows.into_iter().map(|word| word.0).collect::<Vec<_>>();
    let servers = sql::rows(conn, "SELECT name AS t FROM servers ORDER BY name LIMIT ?1", values![SHOWN])?;
    let apps = sql::rows(
        conn,
        "SELECT a.name AS name, s.name AS server, a.app_type LIKE 'db:%' AS is_database
           FROM apps a JOIN servers s ON s.id = a.server_id ORDER BY a.name, s.name LIMIT ?1",
        values![SHOWN],
    );
    let jobs = sql::rows(
        conn,
        "SELECT CAST(id AS TEXT) AS t FROM job WHERE state NOT IN ('succeeded', 'failed', 'cancelled')
          ORDER BY id DESC LIMIT ?1",
        values![SHOWN],
    );
    Ok(Names { servers: words(servers), apps: apps.unwrap_or_default(), jobs: jobs.map(words).unwrap_or_default() })
}
