//! Functions, procedures and `do`.

use super::cursor::Cursor;
use super::{Command, CreateRoutine, Escape};

/// Languages that can do no more than their caller could by SQL.
const TRUSTED: &[&str] = &["sql", "plpgsql", "plperl", "pltcl", "plv8", "internal"];

/// Reads on from `function` or `procedure`.
pub(super) fn create(cursor: &mut Cursor<'_>, or_replace: bool) -> Option<Command> {
    let procedure = cursor.word() == Some("procedure");
    cursor.advance();
    let name = cursor.name()?;
    cursor.group();
    let mut routine = CreateRoutine {
        name,
        procedure,
        or_replace,
        language: String::new(),
        security_definer: false,
        settings: Vec::new(),
        body: None,
    };
    while !cursor.at_end() {
        if cursor.eat(&["language"]) {
            routine.language = language(cursor);
        } else if cursor.eat(&["security", "definer"]) {
            routine.security_definer = true;
        } else if cursor.eat(&["set"]) {
            routine.settings.extend(cursor.ident());
        } else if cursor.eat(&["as"]) {
            routine.body = cursor.text_constant();
        } else if matches!(cursor.word(), Some("return" | "begin")) {
            routine.body = Some(cursor.rest());
        } else {
            cursor.skip();
        }
    }
    if routine.language.is_empty() {
        routine.language.push_str("sql");
    }
    if !TRUSTED.contains(&routine.language.as_str()) {
        return Some(Command::Escape(Escape::Language(routine.language)));
    }
    Some(Command::CreateRoutine(routine))
}

fn language(cursor: &mut Cursor<'_>) -> String {
    let named = match cursor.text_constant() {
        Some(part) => Some(part.text),
        None => cursor.ident(),
    };
    named.unwrap_or_default().to_ascii_lowercase()
}

/// Reads `do`.
pub(super) fn inline(cursor: &mut Cursor<'_>) -> Option<Command> {
    cursor.advance();
    let (mut language_name, mut body) = ("plpgsql".to_owned(), None);
    while !cursor.at_end() {
        if cursor.eat(&["language"]) {
            language_name = language(cursor);
        } else if let Some(text) = cursor.text_constant() {
            body = Some(text);
        } else {
            cursor.skip();
        }
    }
    if !TRUSTED.contains(&language_name.as_str()) {
        return Some(Command::Escape(Escape::Language(language_name)));
    }
    Some(Command::Do { language: language_name, body: body? })
}
