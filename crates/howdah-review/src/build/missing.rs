//! Where what a statement misses comes from: a later file, an extension, a migration in another
//! language, the application, or nowhere.

use howdah_sql::command::Command;

use super::advice::{Advice, NOT_INSTALLED};
use super::{cascade, extensions};
use crate::facts::{Facts, Failure, StatementId};
use crate::migrations::{file_name, is_version};

/// Where tools of migrations keep what they applied.
const OF_TOOLS: &[&str] = &[
    "__diesel_schema_migrations",
    "_prisma_migrations",
    "_sqlx_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "flyway_schema_history",
    "goose_db_version",
    "gorp_migrations",
    "knex_migrations",
    "pgmigrations",
    "schema_migration",
    "schema_migrations",
];

/// What is known of a failure for want of something.
pub(super) fn advice(facts: &Facts, id: StatementId, failure: &Failure) -> Option<Advice> {
    if !cascade::is_missing(failure) {
        return None;
    }
    let missed = cascade::named(&failure.message);
    if missed.iter().any(|name| OF_TOOLS.contains(&name.as_str())) {
        return Some(Advice::notice("The tool that applies the files makes it."));
    }
    elsewhere(facts, id, &missed)
        .or_else(|| made_later(facts, id, &missed))
        .or_else(|| brought(facts, id, &missed))
        .or_else(|| nowhere(facts, failure, &missed))
}

/// What is missing is named by an earlier migration that is no SQL, and so was not run.
fn elsewhere(facts: &Facts, id: StatementId, missed: &[String]) -> Option<Advice> {
    let here = file_name(&facts.files[facts.statement(id).file].path);
    let file = facts
        .sources
        .iter()
        .filter(|file| is_migration(&file.path) && file_name(&file.path) < here)
        .find(|file| missed.iter().any(|name| file.text.contains(name.as_str())))?;
    Some(Advice::notice(format!(
        "\"{}\" names it, which is a migration and no SQL: it was not run. What misses it is \
             counted with it.",
        file.path
    )))
}

/// Whether a file of source lies among the migrations and is called like one.
fn is_migration(path: &str) -> bool {
    !path.starts_with("../") && is_version(file_name(path))
}

/// What is missing is made by no statement.
fn nowhere(facts: &Facts, failure: &Failure, missed: &[String]) -> Option<Advice> {
    if !matches!(failure.sqlstate.as_str(), "42P01" | "3F000") {
        return None;
    }
    let made = facts.sources.iter().find_map(|file| {
        let mut strings = file.strings.iter();
        let string = strings.find(|string| makes(&file.text[string.span.clone()], missed))?;
        Some(file.place(string.span.clone()))
    });
    Some(match made {
        Some(place) => Advice::notice(format!(
            "The application makes it, at {}:{}, which was not run. What misses it is counted \
                 with it.",
            place.path, place.position.line
        )),
        None => Advice::new(
            "No file here makes it: something else does, before these files, or the file that \
             would is missing.",
        ),
    })
}

/// Whether a string of source makes one of the relations.
fn makes(text: &str, missed: &[String]) -> bool {
    missed.iter().any(|name| text.contains(name.as_str()))
        && howdah_sql::split(text).0.iter().any(|statement| {
            cascade::made(&howdah_sql::command::read(statement.text))
                .iter()
                .any(|made| missed.contains(made))
        })
}

/// What is missing is made by a later statement.
fn made_later(facts: &Facts, id: StatementId, missed: &[String]) -> Option<Advice> {
    let (later, _) = facts.statements().skip(id.0 + 1).find(|(_, later)| {
        cascade::made(&later.command).iter().any(|name| missed.contains(name))
    })?;
    let place = facts.place(later);
    Some(Advice::new(format!(
        "It is made later, at {}:{}: move one of the two.",
        place.path, place.position.line
    )))
}

/// What is missing is part of an extension.
fn brought(facts: &Facts, id: StatementId, missed: &[String]) -> Option<Advice> {
    let extension = missed.iter().find_map(|name| extensions::bringing(name))?;
    // A block may make it and pass over the failure.
    let made = facts.statements().take(id.0).any(|(before, statement)| {
        matches!(statement.command, Command::Do { .. })
            && facts.text(before).to_ascii_lowercase().contains("create extension")
            && facts.text(before).contains(extension)
    });
    Some(if made {
        Advice::notice(NOT_INSTALLED)
    } else {
        let hint = format!("It is of the extension \"{extension}\", which no file before makes.");
        Advice::new(hint)
    })
}
