//! The first release's tables, rebuilt as this release's: every column and row they have, ids that are never used twice, and a default
//! where the first release's program would say a value.

use crate::store::conn::Conn;
use crate::store::error::StoreError;
use crate::store::migrate;
use crate::store::sql::{self, from_row};
use std::collections::BTreeMap;

/// The tables that both releases use.
const SHARED: [&str; 3] = ["servers", "apps", "deployments"];

/// What a column stands on while the tables are rebuilt.
const OLD: &str = "first_release_";

/// What the newest of the first releases has beyond ours and does not let be empty: what its own program writes.
const KNOWN_DEFAULTS: [(&str, &str); 5] = [
    ("is_infrakt_host", "0"),
    ("replicas", "1"),
    ("deploy_strategy", "'restart'"),
    ("build_type", "'auto'"),
    ("auto_deploy", "1"),
];

/// What was found.
pub(super) struct Schema {
    tables: BTreeMap<String, Vec<Column>>,
    references: Vec<Reference>,
    /// Indexes and triggers that lie on the shared tables: they go with them and are made again.
    extras: Vec<String>,
}

struct Column {
    table: String,
    name: String,
    kind: String,
    not_null: bool,
    default: Option<String>,
}

from_row!(Column, |row| Column {
    table: sql::text(row, "tbl")?,
    name: sql::text(row, "name")?,
    kind: sql::text(row, "type")?,
    not_null: sql::int::<i64>(row, "not_null")? != 0,
    default: sql::opt_text(row, "dflt_value")?,
});

/// A foreign key, which nobody has enforced so far.
struct Reference {
    table: String,
    column: String,
    parent: String,
}

from_row!(Reference, |row| Reference {
    table: sql::text(row, "tbl")?,
    column: sql::text(row, "col")?,
    parent: sql::text(row, "parent")?,
});

impl Schema {
    pub(super) fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| columns.iter().any(|c| c.name == column))
    }

    fn parent_of(&self, table: &str, column: &str) -> Option<&str> {
        let found = self.references.iter().find(|r| r.table == table && r.column == column);
        found.map(|r| r.parent.as_str())
    }
}

pub(super) fn read(conn: &mut Conn) -> Result<Schema, StoreError> {
    let columns: Vec<Column> = sql::rows(
        conn,
        "SELECT m.name AS tbl, c.name, c.type, c.\"notnull\" AS not_null, c.dflt_value
         FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY m.name, c.cid",
        &[],
    )?;
    let references = sql::rows(
        conn,
        "SELECT m.name AS tbl, f.\"from\" AS col, lower(f.\"table\") AS parent
         FROM sqlite_schema m JOIN pragma_foreign_key_list(m.name) f WHERE m.type = 'table'",
        &[],
    )?;
    struct Text(String);
    from_row!(Text, |row| Text(sql::text(row, "sql")?));
    let extras: Vec<Text> = sql::rows(
        conn,
        "SELECT sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL
         AND lower(tbl_name) IN ('servers', 'apps', 'deployments')",
        &[],
    )?;
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for column in columns {
        tables.entry(column.table.clone()).or_default().push(column);
    }
    Ok(Schema { tables, references, extras: extras.into_iter().map(|text| text.0).collect() })
}

/// `highest_app_id`: what the home's files tell of apps that are gone.
pub(super) fn rebuild(conn: &mut Conn, schema: &Schema, highest_app_id: i64) -> Result<(), StoreError> {
    for table in SHARED {
        sql::batch(conn, &format!("ALTER TABLE {table} RENAME TO {OLD}{table}"))?;
    }
    migrate::make_tables(conn).map_err(|error| match error {
        StoreError::Damaged { path, reason } => StoreError::NotTakenOver { path, reason },
        error => error,
    })?;
    for table in SHARED {
        fill_again(conn, schema, table)?;
    }
    for table in SHARED {
        sql::batch(conn, &format!("DROP TABLE {OLD}{table}"))?;
    }
    for text in &schema.extras {
        sql::batch(conn, text)?;
    }
    let_rows_go_with_what_they_belong_to(conn, schema)?;
    for table in SHARED {
        let least = if table == "apps" { highest_app_id } else { 0 };
        count_on(conn, schema, table, least)?;
    }
    Ok(())
}

fn fill_again(conn: &mut Conn, schema: &Schema, table: &str) -> Result<(), StoreError> {
    let ours: Vec<Column> = sql::rows(
        conn,
        &format!(
            "SELECT '{table}' AS tbl, name, type, \"notnull\" AS not_null, dflt_value FROM pragma_table_info('{table}')"
        ),
        &[],
    )?;
    let theirs = schema.tables.get(table).map(Vec::as_slice).unwrap_or_default();
    if let Some(missing) = ours.iter().find(|our| !theirs.iter().any(|their| their.name == our.name)) {
        return Err(StoreError::NotTakenOver {
            path: conn.path.to_path_buf(),
            reason: format!("its table `{table}` has no column `{}`", missing.name),
        });
    }
    for column in theirs.iter().filter(|their| !ours.iter().any(|our| our.name == their.name)) {
        let mut text = format!("ALTER TABLE {table} ADD COLUMN {} {}", quoted(&column.name), column.kind);
        if column.not_null {
            text.push_str(&format!(" NOT NULL DEFAULT {}", default_of(column)));
        } else if let Some(constant) = column.default.as_deref().filter(|text| is_constant(text)) {
            text.push_str(&format!(" DEFAULT {constant}"));
        }
        // A row that points to one that goes stays, and points nowhere.
        if let Some(parent) = schema.parent_of(table, &column.name).filter(|_| !column.not_null) {
            text.push_str(&format!(" REFERENCES {}(id) ON DELETE SET NULL", quoted(parent)));
        }
        sql::batch(conn, &text)?;
    }
    let names: Vec<String> = theirs.iter().map(|column| quoted(&column.name)).collect();
    let names = names.join(", ");
    sql::batch(conn, &format!("INSERT INTO {table} ({names}) SELECT {names} FROM {OLD}{table} ORDER BY id"))
}

fn default_of(column: &Column) -> String {
    if let Some((_, value)) = KNOWN_DEFAULTS.iter().find(|(name, _)| *name == column.name) {
        return (*value).to_owned();
    }
    if let Some(constant) = column.default.as_deref().filter(|text| is_constant(text)) {
        return constant.to_owned();
    }
    let kind = column.kind.to_ascii_uppercase();
    let number = ["INT", "BOOL", "REAL", "FLOA", "DOUB", "NUM", "DEC"].iter().any(|word| kind.contains(word));
    let time = kind.contains("DATE") || kind.contains("TIME");
    match (number, time) {
        (true, _) => "0".to_owned(),
        (false, true) => "'1970-01-01 00:00:00'".to_owned(),
        (false, false) => "''".to_owned(),
    }
}

/// A column is added with a constant or not at all: times of day and expressions are none.
fn is_constant(text: &str) -> bool {
    let quoted = text.len() >= 2 && text.starts_with('\'') && text.ends_with('\'');
    quoted || text.parse::<f64>().is_ok() || text.eq_ignore_ascii_case("null")
}

/// The first release enforces no foreign key and deletes what belongs to a row itself. Here they are enforced: rows of its further
/// tables would keep their server or app from being removed.
fn let_rows_go_with_what_they_belong_to(conn: &mut Conn, schema: &Schema) -> Result<(), StoreError> {
    for reference in &schema.references {
        let Reference { table, column, parent } = reference;
        if SHARED.contains(&table.as_str()) || !SHARED.contains(&parent.as_str()) {
            continue;
        }
        let not_null = schema.tables.get(table).into_iter().flatten().any(|c| c.name == *column && c.not_null);
        let (name, table, column) = (quoted(&format!("{table}_{column}_goes")), quoted(table), quoted(column));
        let action = match not_null {
            true => format!("DELETE FROM {table} WHERE {column} = OLD.id"),
            false => format!("UPDATE {table} SET {column} = NULL WHERE {column} = OLD.id"),
        };
        sql::batch(conn, &format!("CREATE TRIGGER {name} BEFORE DELETE ON {parent} BEGIN {action}; END"))?;
    }
    Ok(())
}

/// The next id is above every one that was ever seen, in any table.
fn count_on(conn: &mut Conn, schema: &Schema, table: &str, least: i64) -> Result<(), StoreError> {
    let mut highest = least;
    let own = [(table.to_owned(), "id".to_owned())];
    let others = schema.references.iter().filter(|r| r.parent == table).map(|r| (r.table.clone(), r.column.clone()));
    for (child, column) in own.into_iter().chain(others) {
        let text = format!("SELECT max(CAST({} AS INTEGER)) AS n FROM {}", quoted(&column), quoted(&child));
        highest = highest.max(sql::number(conn, &text, &[])?.unwrap_or_default());
    }
    sql::batch(
        conn,
        &format!(
            "DELETE FROM sqlite_sequence WHERE name = '{table}';
             INSERT INTO sqlite_sequence(name, seq) VALUES ('{table}', {highest})"
        ),
    )
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: &str, default: Option<&str>) -> Column {
        Column {
            table: "apps".into(),
            name: name.into(),
            kind: kind.into(),
            not_null: true,
            default: default.map(str::to_owned),
        }
    }

    #[test]
    fn what_may_not_be_empty_gets_a_constant() {
        let cases = [
            (column("replicas", "INTEGER", None), "1"),
            (column("deploy_strategy", "VARCHAR(20)", Some("'rolling'")), "'restart'"),
            (column("a", "INTEGER", Some("7")), "7"),
            (column("a", "DATETIME", Some("CURRENT_TIMESTAMP")), "'1970-01-01 00:00:00'"),
            (column("a", "BOOLEAN", None), "0"),
            (column("a", "FLOAT", Some("random()")), "0"),
            (column("a", "VARCHAR(20)", None), "''"),
        ];
        for (column, expect) in cases {
            assert_eq!(default_of(&column), expect, "{} {}", column.name, column.kind);
        }
    }
}
