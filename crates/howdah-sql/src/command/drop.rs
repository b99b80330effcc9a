//! `drop …` and `truncate`.

use super::cursor::Cursor;
use super::{Command, Drop, Escape, ObjectKind, create, role};

/// Reads on from `drop`.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.advance();
    match cursor.word()? {
        "database" => return Some(Command::Escape(Escape::Database)),
        "tablespace" => return Some(Command::Escape(Escape::Tablespace)),
        "subscription" => return Some(Command::Escape(Escape::Subscription)),
        "role" | "user" | "group" if cursor.word_at(1) != Some("mapping") => {
            return role::change(cursor);
        }
        _ => {}
    }
    let kind = create::kind(cursor);
    if kind == ObjectKind::Other {
        cursor.advance();
    }
    let concurrently = cursor.eat(&["concurrently"]);
    let if_exists = cursor.eat_if_exists();
    let names = cursor.names();
    let on = if cursor.eat(&["on"]) { cursor.name() } else { None };
    let cascade = cursor.find(&["cascade"]);
    Some(Command::Drop(Drop { kind, names, if_exists, concurrently, cascade, on }))
}

/// Reads on from `truncate`.
pub(super) fn truncate(cursor: &mut Cursor<'_>) -> Command {
    cursor.advance();
    cursor.eat(&["table"]);
    let tables = cursor.names();
    Command::Truncate { tables, cascade: cursor.find(&["cascade"]) }
}
