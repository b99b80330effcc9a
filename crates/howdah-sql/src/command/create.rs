//! `create …`.

use super::cursor::Cursor;
use super::{Command, CreateIndex, CreateView, Escape, Name, ObjectKind, role, routine, table};

/// Reads on from `create`.
pub(super) fn read(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.advance();
    let or_replace = cursor.eat(&["or", "replace"]);
    cursor.eat_any(&["global", "local"]);
    let temporary = cursor.eat_any(&["temporary", "temp"]).is_some();
    let unlogged = cursor.eat(&["unlogged"]);
    cursor.eat(&["recursive"]);
    match cursor.word()? {
        "table" => table::create(cursor, temporary, unlogged),
        "foreign" if cursor.word_at(1) == Some("table") => {
            cursor.advance();
            table::create(cursor, false, false)
        }
        "unique" | "index" => index(cursor),
        "view" | "materialized" => view(cursor, or_replace),
        "function" | "procedure" => routine::create(cursor, or_replace),
        "role" | "user" | "group" if cursor.word_at(1) != Some("mapping") => role::create(cursor),
        "constraint" | "trigger" => trigger(cursor),
        "policy" => {
            cursor.advance();
            let name = cursor.name()?;
            cursor.eat(&["on"]);
            Some(Command::CreatePolicy { name, table: cursor.name()? })
        }
        "type" => enum_type(cursor),
        "domain" => {
            cursor.advance();
            Some(Command::CreateDomain { name: cursor.name()? })
        }
        "schema" => {
            cursor.advance();
            cursor.eat_if_exists();
            let name = if cursor.word() == Some("authorization") { None } else { cursor.name() };
            Some(Command::CreateSchema { name })
        }
        "extension" => {
            cursor.advance();
            cursor.eat_if_exists();
            Some(Command::CreateExtension { name: cursor.ident()? })
        }
        "database" => Some(Command::Escape(Escape::Database)),
        "tablespace" => Some(Command::Escape(Escape::Tablespace)),
        "subscription" => Some(Command::Escape(Escape::Subscription)),
        _ => Some(other(cursor)),
    }
}

fn index(cursor: &mut Cursor<'_>) -> Option<Command> {
    let unique = cursor.eat(&["unique"]);
    cursor.advance();
    let concurrently = cursor.eat(&["concurrently"]);
    let if_not_exists = cursor.eat_if_exists();
    let name = if cursor.word() == Some("on") { None } else { cursor.name() };
    if !cursor.eat(&["on"]) {
        return None;
    }
    let only = cursor.word() == Some("only");
    let table = cursor.relation()?;
    let method = if cursor.eat(&["using"]) { cursor.ident()? } else { "btree".to_owned() };
    let keys = cursor.group().map(Cursor::pieces).unwrap_or_default();
    let keys = keys.into_iter().map(|mut key| key.rest()).collect();
    let include = if cursor.eat(&["include"]) { cursor.ident_list() } else { Vec::new() };
    let predicate = cursor.find(&["where"]).then(|| {
        cursor.advance();
        cursor.rest()
    });
    Some(Command::CreateIndex(CreateIndex {
        name,
        unique,
        concurrently,
        if_not_exists,
        table,
        only,
        method,
        keys,
        include,
        predicate,
    }))
}

fn view(cursor: &mut Cursor<'_>, or_replace: bool) -> Option<Command> {
    let materialized = cursor.eat(&["materialized"]);
    cursor.advance();
    cursor.eat_if_exists();
    let name = cursor.name()?;
    cursor.find(&["as"]);
    cursor.advance();
    let query = cursor.rest();
    Some(Command::CreateView(CreateView { name, materialized, or_replace, query }))
}

fn trigger(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.eat(&["constraint"]);
    cursor.advance();
    let name = cursor.name()?;
    if !cursor.find(&["on"]) {
        return None;
    }
    cursor.advance();
    Some(Command::CreateTrigger { name, table: cursor.name()? })
}

fn enum_type(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.advance();
    let name = cursor.name()?;
    let mut labels = Vec::new();
    if cursor.eat(&["as", "enum"]) {
        for mut piece in cursor.group().map(Cursor::pieces).unwrap_or_default() {
            labels.extend(piece.text_constant().map(|label| label.text.replace("''", "'")));
        }
    }
    Some(Command::CreateType { name, labels })
}

/// What is made but not looked into: its kind and its name.
fn other(cursor: &mut Cursor<'_>) -> Command {
    let kind = kind(cursor);
    if kind == ObjectKind::Other {
        cursor.advance();
    }
    cursor.eat_if_exists();
    let name: Option<Name> = cursor.name();
    Command::CreateOther { kind, name }
}

/// The kind of object that is named here; the cursor is behind it, unless it is unknown.
pub(super) fn kind(cursor: &mut Cursor<'_>) -> ObjectKind {
    const KINDS: &[(&[&str], ObjectKind)] = &[
        (&["foreign", "table"], ObjectKind::ForeignTable),
        (&["table"], ObjectKind::Table),
        (&["materialized", "view"], ObjectKind::MaterializedView),
        (&["view"], ObjectKind::View),
        (&["sequence"], ObjectKind::Sequence),
        (&["index"], ObjectKind::Index),
        (&["type"], ObjectKind::Type),
        (&["domain"], ObjectKind::Domain),
        (&["schema"], ObjectKind::Schema),
        (&["function"], ObjectKind::Function),
        (&["procedure"], ObjectKind::Procedure),
        (&["aggregate"], ObjectKind::Aggregate),
        (&["routine"], ObjectKind::Function),
        (&["event", "trigger"], ObjectKind::EventTrigger),
        (&["trigger"], ObjectKind::Trigger),
        (&["policy"], ObjectKind::Policy),
        (&["extension"], ObjectKind::Extension),
        (&["publication"], ObjectKind::Publication),
        (&["foreign", "data", "wrapper"], ObjectKind::Foreign),
        (&["user", "mapping"], ObjectKind::Foreign),
        (&["server"], ObjectKind::Foreign),
        (&["default", "privileges"], ObjectKind::DefaultPrivileges),
        (&["role"], ObjectKind::Role),
        (&["user"], ObjectKind::Role),
        (&["group"], ObjectKind::Role),
    ];
    let found = KINDS.iter().find(|(words, _)| cursor.eat(words));
    found.map_or(ObjectKind::Other, |(_, kind)| *kind)
}
