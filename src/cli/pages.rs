//! Lists as long as somebody asks for: page after page is read and printed, so that one of them is in memory at a time.

use super::exit::Stop;
use super::out::Out;
use super::table::{Table, Widths};
use crate::service::ServiceError;
use serde::Serialize;

/// Rows that are read and printed at once. A deployment may bring 64 KiB of its log along.
const PAGE: u32 = 100;

/// Prints up to `limit` rows, as a table or as one array; how many there were. Nothing is printed where there is none, but for the
/// empty array. `read` gets the last row of the page before, and how many are wanted behind it.
pub fn print<T: Serialize>(
    out: &Out,
    limit: u32,
    mut read: impl FnMut(Option<&T>, i64) -> Result<Vec<T>, ServiceError>,
    table: impl Fn(&[T]) -> Table,
) -> Result<u32, Stop> {
    let mut printed = 0;
    let mut array = out.json.then(|| out.array());
    let mut widths = Widths::default();
    let mut rows: Vec<T> = Vec::new();
    while printed < limit {
        let wanted = (limit - printed).min(PAGE);
        rows = read(rows.last(), i64::from(wanted))?;
        if rows.is_empty() {
            break;
        }
        match &mut array {
            Some(array) => array.elements(&rows)?,
            None => table(&rows).print_on(out, &mut widths)?,
        }
        printed += rows.len() as u32;
        if (rows.len() as u32) < wanted {
            break;
        }
    }
    if let Some(array) = array {
        array.end()?;
    }
    Ok(printed)
}
