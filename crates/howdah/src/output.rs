//! Printing: tables for people, JSON for programs.

use std::io::Write;

use howdah_error::{Error, Kind, Result};
use serde::Serialize;

/// Writes a line to standard output. A reader that has gone is no failure of ours: see [`done`].
pub fn line(text: &str) -> Result<()> {
    writeln!(anstream::stdout(), "{text}").or_else(done)
}

/// Writes one JSON document to standard output.
pub fn json<T: Serialize>(value: &T) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::internal("could not print JSON").source(error))?;
    line(&text)
}

/// Says something on standard error.
pub fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A closed pipe (`howdah … | head`) ends the output, not the command.
fn done(error: std::io::Error) -> Result<()> {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return Ok(());
    }
    Err(Error::new(Kind::Io, "could not write to standard output").source(error))
}

/// A table of text: columns as wide as their widest cell, numbers to the right.
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these column names.
    pub fn new(header: &[&str]) -> Self {
        Self { header: header.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row; it has as many cells as the header.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The lines of the table.
    pub fn lines(&self) -> Vec<String> {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(self.header[column].chars().count())
        };
        let widths: Vec<usize> = (0..self.header.len()).map(width).collect();
        let numeric: Vec<bool> = (0..self.header.len())
            .map(|column| self.rows.iter().all(|row| is_number(&row[column])))
            .collect();
        let print = |cells: Vec<&str>| {
            let mut out = String::new();
            for (column, cell) in cells.iter().enumerate() {
                let pad = " ".repeat(widths[column].saturating_sub(cell.chars().count()));
                if numeric[column] {
                    out.push_str(&pad);
                    out.push_str(cell);
                } else {
                    out.push_str(cell);
                    out.push_str(&pad);
                }
                out.push_str("  ");
            }
            out.trim_end().to_owned()
        };
        let mut lines = vec![print(self.header.iter().map(String::as_str).collect())];
        lines.extend(self.rows.iter().map(|row| print(row.iter().map(String::as_str).collect())));
        lines
    }

    /// Writes it to standard output.
    pub fn print(&self) -> Result<()> {
        self.lines().iter().try_for_each(|text| line(text))
    }
}

fn is_number(cell: &str) -> bool {
    cell.is_empty()
        || cell == "-"
        || cell.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '%'))
}

/// The widest that a cell of foreign length may be: 80 columns hold the tables.
const CELL: usize = 24;

/// The beginning and the end of what is too long.
pub fn cut(text: &str) -> String {
    let length = text.chars().count();
    if length <= CELL {
        return text.to_owned();
    }
    let head: String = text.chars().take(CELL / 2).collect();
    let tail: String = text.chars().skip(length - (CELL - CELL / 2 - 1)).collect();
    format!("{head}…{tail}")
}

/// 1234567 as 1,234,567.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if number < 0 { format!("-{out}") } else { out }
}

/// Bytes for people: 1.5 MB.
pub fn bytes(number: i64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = number as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right() {
        let mut table = Table::new(&["name", "rows"]);
        table.row(vec!["trades".into(), grouped(1_234_567)]);
        table.row(vec!["fills".into(), grouped(-12)]);
        assert_eq!(table.lines(), ["name         rows", "trades  1,234,567", "fills         -12"]);
    }

    #[test]
    fn what_is_too_long_keeps_both_ends() {
        assert_eq!(cut("trades"), "trades");
        assert_eq!(cut("/srv/recordings/2026/november/trades.ndjson"), "/srv/recordi…ades.ndjson");
    }
}
