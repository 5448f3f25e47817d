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
        self.print_on(out, &mut Widths::default())
    }

    /// Prints the next rows of a list, whose heads stand above its first ones alone.
    pub fn print_on(&self, out: &Out, widths: &mut Widths) -> Result<(), Stop> {
        let first = widths.0.is_empty();
        self.widen(widths);
        let widths = fitted(&widths.0, out.width);
        if first {
            let heads: Vec<Cell> = self.heads.iter().map(|head| Cell::painted(*head, Paint::Faint)).collect();
            out.line(line(&heads, &widths, out))?;
        }
        self.rows.iter().try_for_each(|row| out.line(line(row, &widths, out)))
    }

    /// As wide as the widest word so far.
    fn widen(&self, widths: &mut Widths) {
        widths.0.resize(self.heads.len(), 0);
        for (width, head) in widths.0.iter_mut().zip(&self.heads) {
            *width = (*width).max(head.chars().count());
        }
        for row in &self.rows {
            for (width, cell) in widths.0.iter_mut().zip(row) {
                *width = (*width).max(cell.text.chars().count());
            }
        }
    }
}

/// How wide the columns of a list are that is printed part by part: a column never becomes narrower than it was.
#[derive(Debug, Default)]
pub struct Widths(Vec<usize>);

/// Where it is too much for the terminal, the widest columns give way first.
fn fitted(widths: &[usize], terminal: Option<usize>) -> Vec<usize> {
    let mut widths = widths.to_vec();
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
        let mut widths = Widths::default();
        table.widen(&mut widths);
        assert_eq!(fitted(&widths.0, None), [2, 21]);
        assert_eq!(fitted(&widths.0, Some(20)), [2, 16]);
        assert_eq!(fitted(&widths.0, Some(5)), [2, 8], "never below what can be read");
    }

    #[test]
    fn columns_of_a_list_never_become_narrower() {
        let mut widths = Widths::default();
        for (id, what, expect) in [("1", "a job", [2, 5]), ("1000", "x", [4, 5]), ("2", "another", [4, 7])] {
            let mut table = Table::new(&["ID", "WHAT"]);
            table.row(vec![id.into(), what.into()]);
            table.widen(&mut widths);
            assert_eq!(widths.0, expect);
        }
    }
}
