//! Tables: aligned columns that fit the terminal, and stay whole in a pipe.

use super::exit::Stop;
use super::out::{Out, Paint};
use super::text;

/// Between two columns.
const GAP: usize = 2;
/// A column is not made narrower than this to fit.
const MIN_WIDTH: usize = 8;

/// A word in a table.
#[derive(Clone, Debug)]
pub struct Cell {
    text: String,
    paint: Paint,
}

impl Cell {
    /// A cell is one line: what would break it (names of the first release may) is written out.
    pub fn painted(text: impl Into<String>, paint: Paint) -> Self {
        let text: String = text.into();
        let text = match text.chars().any(char::is_control) {
            true => text.escape_debug().to_string(),
            false => text,
        };
        Self { text, paint }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Cell::painted(text, Paint::Plain)
    }
}

/// What is not there.
pub fn or_dash(value: Option<impl Into<String>>) -> Cell {
    match value {
        Some(value) => Cell::from(value),
        None => Cell::painted("-", Paint::Faint),
    }
}

#[derive(Debug)]
pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    pub fn new(heads: &[&'static str]) -> Self {
        Self { heads: heads.to_vec(), rows: Vec::new() }
    }

    /// A row has as many cells as the table has heads.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    pub fn print(&self, out: &Out) -> Result<(), Stop> {
        let widths = self.widths(out.width);
        let heads: Vec<Cell> = self.heads.iter().map(|head| Cell::painted(*head, Paint::Faint)).collect();
        out.line(line(&heads, &widths, out))?;
        self.rows.iter().try_for_each(|row| out.line(line(row, &widths, out)))
    }

    /// As wide as the widest word; where that is too much for the terminal, the widest columns give way first.
    fn widths(&self, terminal: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.chars().count()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
        if let Some(terminal) = terminal {
            let gaps = GAP * widths.len().saturating_sub(1);
            while widths.iter().sum::<usize>() + gaps > terminal {
                match widths.iter_mut().max() {
                    Some(widest) if *widest > MIN_WIDTH => *widest -= 1,
                    _ => break,
                }
            }
        }
        widths
    }
}

fn line(cells: &[Cell], widths: &[usize], out: &Out) -> String {
    let mut line = String::new();
    for (at, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let shown = text::fit(&cell.text, *width);
        let pad = width - shown.chars().count();
        line.push_str(&out.out(&shown, cell.paint));
        if at + 1 < cells.len() {
            line.push_str(&" ".repeat(pad + GAP));
        }
    }
    line
}

/// Lines of `name: value`, the values under each other.
pub fn print_fields(out: &Out, fields: &[(&str, Option<String>)]) -> Result<(), Stop> {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in fields {
        if let Some(value) = value {
            let mut lines = value.lines();
            let first = lines.next().unwrap_or_default();
            out.line(format!("{}{}  {first}", out.out(name, Paint::Faint), " ".repeat(width - name.len())))?;
            lines.try_for_each(|more| out.line(format!("{}  {more}", " ".repeat(width))))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_widest_column_gives_way_first() {
        let mut table = Table::new(&["ID", "WHAT"]);
        table.row(vec!["1".into(), "a long title of a job".into()]);
        assert_eq!(table.widths(None), [2, 21]);
        assert_eq!(table.widths(Some(20)), [2, 16]);
        assert_eq!(table.widths(Some(5)), [2, 8], "never below what can be read");
    }
}
