//! Which failures follow from which: a statement that misses what a failed one would have made.

use std::collections::HashSet;

use howdah_sql::command::{AlterAction, Command};

use super::extensions;
use crate::facts::{Facts, Failure, Run, StatementId};

/// SQLSTATEs of "there is no such object".
const MISSING: &[&str] = &["42P01", "42703", "42704", "42883", "3F000", "42830", "42P10", "22023"];

/// Sets [`Failure::caused_by`] of every failure that follows from another one.
pub(super) fn find_causes(facts: &mut Facts) {
    let all: HashSet<String> =
        facts.statements.iter().flat_map(|statement| made(&statement.command)).collect();
    // Names that failed statements would have made, with the root of each failure.
    let mut unmade: Vec<(String, StatementId)> = Vec::new();
    // The first failure for want of a relation or schema that no file makes: the files begin on a
    // database that somebody else has made, which is told once.
    let mut ground: Option<StatementId> = None;
    for at in 0..facts.statements.len() {
        let id = StatementId(at);
        let Run::Failed(failure) = &facts.statements[at].run else { continue };
        if failure.ran_outside {
            continue;
        }
        let missed = missed(failure);
        let mut cause =
            unmade.iter().find(|(name, _)| missed.contains(name)).map(|(_, root)| *root);
        let whole = missing_whole(failure);
        let of_ground = matches!(failure.sqlstate.as_str(), "42P01" | "3F000")
            && whole.as_ref().is_some_and(|name| !all.contains(name));
        if of_ground && cause.is_none() {
            cause = ground;
            ground = ground.or(Some(id));
        }
        let root = cause.unwrap_or(id);
        let command = &facts.statements[at].command;
        unmade.extend(made(command).into_iter().map(|name| (name, root)));
        // What is missing for one statement is missing for the next that names it.
        unmade.extend(whole.map(|name| (name, root)));
        let of_extensions = missed.into_iter().filter(|name| name.starts_with(EXTENSION));
        unmade.extend(of_extensions.map(|key| (key, root)));
        if let Command::CreateExtension { name } = command {
            let real = extensions::meant(name).unwrap_or(name);
            unmade.push((extension_key(real), root));
        }
        if let Run::Failed(failure) = &mut facts.statements[at].run {
            failure.caused_by = cause;
        }
    }
}

/// Whether the statement failed because something is not there.
pub(super) fn is_missing(failure: &Failure) -> bool {
    MISSING.contains(&failure.sqlstate.as_str())
}

/// Before an extension among the names of what was not made; no object can be called so.
const EXTENSION: &str = "extension ";

fn extension_key(name: &str) -> String {
    format!("{EXTENSION}{name}")
}

/// What a statement misses, and the extensions that would bring it.
fn missed(failure: &Failure) -> Vec<String> {
    if !is_missing(failure) {
        return Vec::new();
    }
    let mut missed = named(&failure.message);
    let brought: Vec<&str> = missed.iter().filter_map(|name| extensions::bringing(name)).collect();
    missed.extend(brought.into_iter().map(extension_key));
    missed
}

/// The relation, schema, type or function that is not there. A column's name says too little: other
/// tables have one that is called so.
fn missing_whole(failure: &Failure) -> Option<String> {
    let whole = matches!(failure.sqlstate.as_str(), "42P01" | "3F000" | "42704" | "42883");
    let names = if whole { named(&failure.message) } else { Vec::new() };
    let [name] = names.as_slice() else { return None };
    Some(name.clone())
}

/// The names in a message: `relation "a.b" does not exist`, `function f(integer) does not exist`.
pub(super) fn named(message: &str) -> Vec<String> {
    let mut names: Vec<String> = message
        .split('"')
        .skip(1)
        .step_by(2)
        .map(|name| name.rsplit('.').next().unwrap_or(name).to_owned())
        .collect();
    if let Some(rest) = message.strip_prefix("type ")
        && let Some(name) = rest.strip_suffix(" does not exist")
        && !name.contains('"')
    {
        let name = name.trim_end_matches("[]");
        names.push(name.rsplit('.').next().unwrap_or(name).to_owned());
    }
    if let Some(rest) = message.strip_prefix("function ")
        && let Some((name, _)) = rest.split_once('(')
    {
        names.push(name.rsplit('.').next().unwrap_or(name).to_owned());
    }
    names
}

/// What a statement would have made, by its last name.
pub(super) fn made(command: &Command) -> Vec<String> {
    match command {
        Command::AlterTable(table) => table
            .actions
            .iter()
            .filter_map(|(action, _)| match action {
                AlterAction::AddColumn(column) => Some(column.name.clone()),
                AlterAction::RenameColumn(_, to) | AlterAction::Rename(to) => Some(to.clone()),
                _ => None,
            })
            .collect(),
        other => other.creates().map(|(_, name)| name.last().to_owned()).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_whole_is_told_from_a_column() {
        let schema = Failure::new("3F000", "schema \"app\" does not exist");
        assert_eq!(missing_whole(&schema).as_deref(), Some("app"));
        let column = Failure::new("42703", "column \"id\" does not exist");
        assert_eq!(missing_whole(&column), None);
    }

    #[test]
    fn names_are_found_in_messages() {
        assert_eq!(named("relation \"app.orders\" does not exist"), ["orders"]);
        assert_eq!(named("column \"c\" of relation \"t\" does not exist"), ["c", "t"]);
        assert_eq!(named("type app.part[] does not exist"), ["part"]);
        assert_eq!(named("type \"vector\" does not exist"), ["vector"]);
        assert_eq!(named("function app.f(integer, text) does not exist"), ["f"]);
    }
}
