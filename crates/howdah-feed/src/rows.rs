//! Entities as statements that insert them.

use std::fmt::{Display, Write as _};

/// Rows of one statement.
const ROWS: usize = 1_000;

/// Appends statements that insert the rows, and leave those alone that are there.
pub(crate) fn insert(out: &mut String, into: &str, rows: impl Iterator<Item = impl Display>) {
    let mut open = false;
    for (number, row) in rows.enumerate() {
        if number % ROWS == 0 {
            end(out, open);
            let _ = write!(out, "insert into {into} values\n    {row}");
        } else {
            let _ = write!(out, ",\n    {row}");
        }
        open = true;
    }
    end(out, open);
}

fn end(out: &mut String, open: bool) {
    if open {
        out.push_str("\non conflict do nothing;\n");
    }
}
