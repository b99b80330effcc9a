//! Statements about rows, sessions and upkeep.

use super::cursor::Cursor;
use super::{Command, Copy, CopyTarget, Escape, SetScope, Transaction};

/// Reads a statement by its first word.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Command> {
    let word = cursor.word()?;
    match word {
        "select" | "with" | "values" | "table" => return Some(query(cursor)),
        "load" => return Some(Command::Escape(Escape::Load)),
        "comment" => return Some(Command::Comment),
        _ => {}
    }
    cursor.advance();
    match word {
        "insert" => {
            cursor.eat(&["into"]);
            cursor.name().map(|table| Command::Insert { table })
        }
        "update" => {
            let table = cursor.relation()?;
            Some(Command::Update { table, filtered: cursor.find(&["where"]) })
        }
        "delete" => {
            cursor.eat(&["from"]);
            let table = cursor.relation()?;
            Some(Command::Delete { table, filtered: cursor.find(&["where"]) })
        }
        "copy" => copy(cursor),
        "set" => set(cursor),
        "refresh" => {
            cursor.eat(&["materialized", "view"]);
            let concurrently = cursor.eat(&["concurrently"]);
            cursor.name().map(|name| Command::RefreshView { name, concurrently })
        }
        "reindex" => {
            let options = cursor.group();
            cursor.eat_any(&["index", "table", "schema", "database", "system"]);
            let concurrently = cursor.eat(&["concurrently"])
                || options.is_some_and(|mut options| options.find(&["concurrently"]));
            Some(Command::Reindex { name: cursor.name(), concurrently })
        }
        "cluster" => {
            cursor.group();
            cursor.eat(&["verbose"]);
            Some(Command::Repack { name: cursor.name() })
        }
        "vacuum" => vacuum(cursor),
        "lock" => {
            cursor.eat(&["table"]);
            Some(Command::Lock { tables: cursor.names() })
        }
        "begin" | "start" => Some(Command::Transaction(Transaction::Begin)),
        "commit" | "end" if cursor.word() != Some("prepared") => {
            Some(Command::Transaction(Transaction::Commit))
        }
        "rollback" | "abort" if !matches!(cursor.word(), Some("to" | "prepared")) => {
            Some(Command::Transaction(Transaction::Rollback))
        }
        "commit" | "rollback" | "prepare" | "savepoint" | "release"
            if word != "prepare" || cursor.word() == Some("transaction") =>
        {
            Some(Command::Transaction(Transaction::Other))
        }
        _ => None,
    }
}

/// Functions that reach other servers, files or programs.
const REACHING: &[&str] = &[
    "dblink",
    "dblink_exec",
    "dblink_connect",
    "pg_read_file",
    "pg_read_binary_file",
    "pg_ls_dir",
    "pg_reload_conf",
    "pg_rotate_logfile",
    "pg_terminate_backend",
    "pg_cancel_backend",
    "lo_import",
    "lo_export",
    "pg_file_write",
    "pg_create_physical_replication_slot",
    "pg_create_logical_replication_slot",
];

/// A query; one that calls a function out of the database is no mere query.
fn query(cursor: &mut Cursor<'_>) -> Command {
    let mut at = *cursor;
    while !at.at_end() {
        if let Some(word) = at.word()
            && REACHING.contains(&word)
            && at.next_is(b'(')
        {
            return Command::Escape(Escape::Call(word.to_owned()));
        }
        at.advance();
    }
    Command::Query
}

fn copy(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.eat(&["binary"]);
    let table = if cursor.is_symbol(b'(') {
        cursor.skip();
        None
    } else {
        let name = cursor.name()?;
        cursor.group();
        Some(name)
    };
    let from = cursor.eat_any(&["from", "to"])? == "from";
    let target = match cursor.word() {
        Some("stdin" | "stdout") => CopyTarget::Client,
        Some("program") => CopyTarget::Program,
        _ => CopyTarget::File,
    };
    Some(match target {
        CopyTarget::Client => Command::Copy(Copy { table, from, target }),
        CopyTarget::File | CopyTarget::Program => Command::Escape(Escape::Copy(target)),
    })
}

fn set(cursor: &mut Cursor<'_>) -> Option<Command> {
    let scope = match cursor.eat_any(&["session", "local"]) {
        Some("local") => SetScope::Local,
        _ => SetScope::Session,
    };
    let name = cursor.name()?.plain().to_ascii_lowercase();
    if !(cursor.eat(&["to"]) || cursor.eat_symbol(b'=')) {
        return None;
    }
    Some(Command::Set { name, value: cursor.rest().text, scope })
}

fn vacuum(cursor: &mut Cursor<'_>) -> Option<Command> {
    let options = cursor.group();
    let mut full = options.is_some_and(|mut options| options.find(&["full"]));
    while let Some(word) = cursor.eat_any(&["full", "freeze", "verbose", "analyze"]) {
        full |= word == "full";
    }
    full.then(|| Command::Repack { name: cursor.name() })
}
