//! What of a file is applied, what undoes it, and whether all of it is one transaction.

use howdah_sql::{Statement, split};

use super::{Convention, RawFile};
use crate::facts::SqlFile;

/// Cuts a file as its tool would.
pub(super) fn cut(convention: Convention, file: RawFile) -> SqlFile {
    let RawFile { path, text } = file;
    let (up_mark, down_mark) = match convention {
        Convention::Goose => ("-- +goose Up", "-- +goose Down"),
        Convention::Dbmate => ("-- migrate:up", "-- migrate:down"),
        _ => ("", ""),
    };
    let mut up = 0..text.len();
    let mut down = None;
    if !up_mark.is_empty() {
        let up_start = line_after(&text, up_mark).unwrap_or(0);
        let down_line = line_of(&text, down_mark);
        // What undoes may stand before what is applied.
        let up_end = down_line.filter(|at| *at >= up_start).unwrap_or(text.len());
        up = up_start..up_end;
        down = line_after(&text, down_mark).map(|start| {
            let end = line_of(&text, up_mark).filter(|at| *at >= start).unwrap_or(text.len());
            start..end
        });
    }
    let transactional = is_transactional(convention, &text, &text[up.clone()]);
    SqlFile { path, text, up, down, undo: None, transactional }
}

fn is_transactional(convention: Convention, text: &str, up: &str) -> bool {
    match convention {
        Convention::Plain => false,
        Convention::Goose => line_of(text, "-- +goose NO TRANSACTION").is_none(),
        Convention::Dbmate => !text
            .lines()
            .any(|line| line.starts_with("-- migrate:up") && line.contains("transaction:false")),
        // sqlx runs such a file bare; howdah and Flyway see for themselves what it needs.
        Convention::Numbered => !text.starts_with("-- no-transaction"),
        Convention::Flyway => !split(up).0.iter().any(Statement::needs_no_transaction),
        Convention::Diesel | Convention::Prisma | Convention::Drizzle => true,
    }
}

/// Where the line that begins with `mark` begins.
fn line_of(text: &str, mark: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(mark) {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// Where the line behind the one that begins with `mark` begins.
fn line_after(text: &str, mark: &str) -> Option<usize> {
    let at = line_of(text, mark)?;
    Some(text[at..].find('\n').map_or(text.len(), |end| at + end + 1))
}
