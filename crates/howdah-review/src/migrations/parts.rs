//! What of a file is applied, what undoes it, and whether all of it is one transaction.

use howdah_sql::{Statement, split};

use super::convention::diesel_version;
use super::marks::{line_after, line_of};
use super::{Convention, RawFile, file_name};
use crate::facts::SqlFile;

/// Cuts a file as its tool would.
pub(super) fn cut(convention: Convention, file: RawFile) -> SqlFile {
    let RawFile { path, text } = file;
    let mut up = 0..text.len();
    let mut down = None;
    if let Convention::Marked(marks) = convention {
        let up_start = marks.up.and_then(|up| line_after(&text, up)).unwrap_or(0);
        let down_line = line_of(&text, marks.down);
        // What undoes may stand before what is applied.
        let up_end = down_line.filter(|at| *at >= up_start).unwrap_or(text.len());
        up = up_start..up_end;
        down = line_after(&text, marks.down).map(|start| {
            let next = marks.up.and_then(|up| line_of(&text, up));
            start..next.filter(|at| *at >= start).unwrap_or(text.len())
        });
    }
    // The runner of Ory's services takes the name's word for it.
    let bare = file_name(&path).split('.').any(|part| part == "autocommit");
    let transactional = !bare && is_transactional(convention, &path, &text, &text[up.clone()]);
    SqlFile { path, text, up, down, undo: None, transactional }
}

fn is_transactional(convention: Convention, path: &str, text: &str, up: &str) -> bool {
    match convention {
        Convention::Plain => false,
        Convention::Marked(marks) => !marks.are_bare(text),
        // sqlx and postgres-migrations run such a file bare; howdah and Flyway see for themselves
        // what it needs.
        Convention::Numbered => {
            let bare = ["-- no-transaction", "-- postgres-migrations disable-transaction"];
            !bare.iter().any(|line| text.starts_with(line))
        }
        Convention::Flyway => !split(up).0.iter().any(Statement::needs_no_transaction),
        // Prisma sends a file as it is.
        Convention::Prisma => !is_bare(up),
        Convention::Diesel if diesel_version(path).is_none() => !is_bare(up),
        Convention::Diesel | Convention::Drizzle | Convention::Sqitch => true,
    }
}

/// Whether a text that is sent as it is would be in no transaction: the server makes one of several
/// statements.
pub(super) fn is_bare(up: &str) -> bool {
    let (found, _) = split(up);
    found.len() == 1 && found[0].needs_no_transaction()
}
