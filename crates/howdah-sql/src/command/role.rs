//! Roles and privileges.

use super::cursor::Cursor;
use super::{Command, Escape, Grant};

/// Reads on from `role`, `user` or `group` behind `create`.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.advance();
    cursor.ident().map(|role| Command::Escape(Escape::CreateRole(role)))
}

/// Reads on from `role`, `user` or `group` behind `alter` or `drop`.
pub(super) fn change(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.advance();
    cursor.eat_if_exists();
    cursor.ident().map(|role| Command::Escape(Escape::ChangeRole(role)))
}

/// Reads `grant` and `revoke`.
pub(super) fn grant(cursor: &mut Cursor<'_>) -> Option<Command> {
    let grants = cursor.word() == Some("grant");
    cursor.advance();
    let _ = cursor.eat(&["grant", "option", "for"]) || cursor.eat(&["admin", "option", "for"]);
    let mut privileges = Vec::new();
    while !cursor.at_end() && !matches!(cursor.word(), Some("on" | "to" | "from")) {
        let start = cursor.start();
        while !cursor.at_end()
            && !cursor.is_symbol(b',')
            && !matches!(cursor.word(), Some("on" | "to" | "from"))
        {
            cursor.skip();
        }
        privileges.push(cursor.part_from(start).text.to_ascii_lowercase());
        cursor.eat_symbol(b',');
    }
    let on = cursor.eat(&["on"]).then(|| object(cursor));
    if !cursor.find(&["to", "from"]) {
        return None;
    }
    cursor.advance();
    let mut roles = Vec::new();
    loop {
        cursor.eat(&["group"]);
        let Some(role) = cursor.ident() else { break };
        roles.push(role);
        if !cursor.eat_symbol(b',') {
            break;
        }
    }
    Some(Command::Grant(Grant { grants, privileges, on, roles }))
}

/// The kind of object in words, and the names.
fn object(cursor: &mut Cursor<'_>) -> (String, Vec<super::Name>) {
    const KINDS: &[&[&str]] = &[
        &["all", "tables", "in", "schema"],
        &["all", "sequences", "in", "schema"],
        &["all", "functions", "in", "schema"],
        &["all", "procedures", "in", "schema"],
        &["all", "routines", "in", "schema"],
        &["foreign", "data", "wrapper"],
        &["foreign", "server"],
        &["table"],
        &["sequence"],
        &["function"],
        &["procedure"],
        &["routine"],
        &["schema"],
        &["database"],
        &["domain"],
        &["type"],
        &["language"],
        &["tablespace"],
        &["parameter"],
    ];
    let kind = KINDS.iter().find(|words| cursor.eat(words));
    let kind = kind.map_or_else(|| "table".to_owned(), |words| words.join(" "));
    (kind, cursor.names())
}
