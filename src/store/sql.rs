//! The one way a statement takes to the database: its text with `?1 ?2`, its values, its rows.
//!
//! Statements are text. `?1` is rewritten to the placeholder of the connection's own dialect, where the value is bound at each
//! place it stands; the text is the key of the cache of prepared statements.

use super::conn::{Conn, Link};
use super::error::StoreError;
use diesel::deserialize::{self, FromSql, QueryableByName};
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::{Error as DieselError, QueryResult};
use diesel::row::NamedRow;
use diesel::sql_types::{BigInt, Binary, Nullable, Text, Untyped};
use diesel::sqlite::{Sqlite, SqliteConnection};
use diesel::{RunQueryDsl, connection::SimpleConnection};
use std::str::FromStr;

/// A value to be bound.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Int(Option<i64>),
    Text(Option<&'a str>),
    Blob(&'a [u8]),
}

macro_rules! value_from {
    ($($type:ty => |$v:ident| $value:expr;)*) => {
        $(impl<'a> From<$type> for Value<'a> {
            fn from($v: $type) -> Self {
                $value
            }
        })*
    };
}
value_from! {
    i64 => |v| Value::Int(Some(v));
    i32 => |v| Value::Int(Some(v.into()));
    u16 => |v| Value::Int(Some(v.into()));
    u32 => |v| Value::Int(Some(v.into()));
    bool => |v| Value::Int(Some(v.into()));
    Option<i64> => |v| Value::Int(v);
    Option<i32> => |v| Value::Int(v.map(i64::from));
    Option<u16> => |v| Value::Int(v.map(i64::from));
    Option<u32> => |v| Value::Int(v.map(i64::from));
    &'a str => |v| Value::Text(Some(v));
    &'a String => |v| Value::Text(Some(v));
    Option<&'a str> => |v| Value::Text(v);
    &'a Option<String> => |v| Value::Text(v.as_deref());
    &'a [u8] => |v| Value::Blob(v);
}

/// `values![a, b]`: what `?1` and `?2` stand for.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::store::sql::Value::from($value)),*] };
}
pub(crate) use values;

/// `from_row!(Type, |row| Type { … })`: how a type is read from a row, by the names of its columns.
macro_rules! from_row {
    ($type:ty, |$row:ident| $make:expr) => {
        impl diesel::deserialize::QueryableByName<diesel::sqlite::Sqlite> for $type {
            fn build<'a>(
                $row: &impl diesel::row::NamedRow<'a, diesel::sqlite::Sqlite>,
            ) -> diesel::deserialize::Result<Self> {
                Ok($make)
            }
        }
    };
}
pub(crate) use from_row;

struct Statement<'a> {
    text: &'a str,
    values: &'a [Value<'a>],
}

impl QueryId for Statement<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement<'_> {
    type SqlType = Untyped;
}

impl RunQueryDsl<SqliteConnection> for Statement<'_> {}

impl QueryFragment<Sqlite> for Statement<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        let mut pieces = self.text.split('?');
        out.push_sql(pieces.next().unwrap_or_default());
        for piece in pieces {
            let digits = piece.len() - piece.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let value = piece[..digits].parse::<usize>().ok().and_then(|n| self.values.get(n.wrapping_sub(1)));
            match value {
                Some(Value::Int(v)) => out.push_bind_param::<Nullable<BigInt>, _>(v)?,
                Some(Value::Text(v)) => out.push_bind_param::<Nullable<Text>, _>(v)?,
                Some(Value::Blob(v)) => out.push_bind_param::<Binary, _>(*v)?,
                None => {
                    return Err(DieselError::QueryBuilderError(
                        format!("no value for a place in: {}", self.text).into(),
                    ));
                }
            }
            out.push_sql(&piece[digits..]);
        }
        Ok(())
    }
}

/// Runs a statement; how many rows it touched.
pub(crate) fn execute(conn: &mut Conn, text: &str, values: &[Value<'_>]) -> Result<usize, StoreError> {
    let done = match &mut conn.link {
        Link::Sqlite(sqlite) => Statement { text, values }.execute(sqlite),
    };
    done.map_err(|e| StoreError::from_diesel(&conn.path, e))
}

/// Runs statements without values.
pub(crate) fn batch(conn: &mut Conn, text: &str) -> Result<(), StoreError> {
    let done = match &mut conn.link {
        Link::Sqlite(sqlite) => sqlite.batch_execute(text),
    };
    done.map_err(|e| StoreError::from_diesel(&conn.path, e))
}

/// All rows of a statement.
pub(crate) fn rows<T>(conn: &mut Conn, text: &str, values: &[Value<'_>]) -> Result<Vec<T>, StoreError>
where
    T: QueryableByName<Sqlite> + 'static,
{
    let got = match &mut conn.link {
        Link::Sqlite(sqlite) => Statement { text, values }.load::<T>(sqlite),
    };
    got.map_err(|e| StoreError::from_diesel(&conn.path, e))
}

/// The first row of a statement, if there is one. (Read to its end: a statement with RETURNING is done only then.)
pub(crate) fn row<T>(conn: &mut Conn, text: &str, values: &[Value<'_>]) -> Result<Option<T>, StoreError>
where
    T: QueryableByName<Sqlite> + 'static,
{
    Ok(rows(conn, text, values)?.into_iter().next())
}

/// The number in the column `n` of the first row.
pub(crate) fn number(conn: &mut Conn, text: &str, values: &[Value<'_>]) -> Result<Option<i64>, StoreError> {
    Ok(row::<Number>(conn, text, values)?.and_then(|n| n.0))
}

/// The text in the column `t` of the first row.
pub(crate) fn word(conn: &mut Conn, text: &str, values: &[Value<'_>]) -> Result<Option<String>, StoreError> {
    Ok(row::<Word>(conn, text, values)?.and_then(|w| w.0))
}

pub(crate) struct Number(pub Option<i64>);
from_row!(Number, |row| Number(opt(row, "n")?));

pub(crate) struct Word(pub Option<String>);
from_row!(Word, |row| Word(opt_text(row, "t")?));

pub(crate) fn int<'a, T: TryFrom<i64>>(row: &impl NamedRow<'a, Sqlite>, column: &str) -> deserialize::Result<T> {
    narrow(NamedRow::get::<BigInt, i64>(row, column)?, column)
}

pub(crate) fn opt<'a, T: TryFrom<i64>>(
    row: &impl NamedRow<'a, Sqlite>,
    column: &str,
) -> deserialize::Result<Option<T>> {
    NamedRow::get::<Nullable<BigInt>, Option<i64>>(row, column)?.map(|v| narrow(v, column)).transpose()
}

/// A port of the first release's tables, which let any number in: 0 stands for what is none, and leaves it as it is
/// where it is written.
pub(crate) fn port<'a>(row: &impl NamedRow<'a, Sqlite>, column: &str) -> deserialize::Result<u16> {
    Ok(u16::try_from(NamedRow::get::<BigInt, i64>(row, column)?).unwrap_or(0))
}

fn narrow<T: TryFrom<i64>>(value: i64, column: &str) -> deserialize::Result<T> {
    T::try_from(value).map_err(|_| format!("{value} is out of range for `{column}`").into())
}

pub(crate) fn text<'a>(row: &impl NamedRow<'a, Sqlite>, column: &str) -> deserialize::Result<String> {
    NamedRow::get::<Text, String>(row, column)
}

pub(crate) fn opt_text<'a>(row: &impl NamedRow<'a, Sqlite>, column: &str) -> deserialize::Result<Option<String>> {
    NamedRow::get::<Nullable<Text>, Option<String>>(row, column)
}

pub(crate) fn blob<'a>(row: &impl NamedRow<'a, Sqlite>, column: &str) -> deserialize::Result<Vec<u8>>
where
    Vec<u8>: FromSql<Binary, Sqlite>,
{
    NamedRow::get::<Binary, Vec<u8>>(row, column)
}

/// A status or a like word.
pub(crate) fn parsed<'a, T>(row: &impl NamedRow<'a, Sqlite>, column: &str) -> deserialize::Result<T>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    Ok(text(row, column)?.parse::<T>()?)
}

pub(crate) fn opt_parsed<'a, T>(row: &impl NamedRow<'a, Sqlite>, column: &str) -> deserialize::Result<Option<T>>
where
    T: FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    Ok(opt_text(row, column)?.map(|word| word.parse::<T>()).transpose()?)
}
