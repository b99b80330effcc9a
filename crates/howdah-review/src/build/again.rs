//! Files a second time: applied again where that is meant to work, undone and applied anew.

use std::collections::BTreeMap;

use howdah_catalog::Literal;
use howdah_error::Result;
use howdah_pg::{Connection, from_pg};
use howdah_sql::command::Command;

use super::session::Session;
use super::{Scratch, ScratchDatabase};
use crate::facts::{
    Attempt, Difference, Differs, Facts, Outcome, Repeated, Run, StatementId, Unseen,
};
use crate::migrations::Convention;
use crate::proof::quoted;

/// So many of the newest files are undone; the older ones are history.
const UNDONE: usize = 40;

/// What is compared, each kind by a query of names and definitions.
const KINDS: &[(&str, &str)] = &[
    ("schema", include_str!("again/schema.sql")),
    ("extension", include_str!("again/extension.sql")),
    ("relation", include_str!("again/relation.sql")),
    ("column", include_str!("again/column.sql")),
    ("constraint", include_str!("again/constraint.sql")),
    ("function", include_str!("again/function.sql")),
    ("trigger", include_str!("again/trigger.sql")),
    ("policy", include_str!("again/policy.sql")),
    ("type", include_str!("again/type.sql")),
];

/// Tries the files of `facts` a second time and writes into `facts` what was wrong; `built` is the
/// database that they made.
pub async fn repeat(facts: &mut Facts, scratch: &Scratch, built: &ScratchDatabase) -> Result<()> {
    let again: Vec<usize> =
        (0..facts.files.len()).filter(|file| is_repeated(facts, *file)).collect();
    if !again.is_empty() {
        let database = scratch.copy(built).await?;
        let found = apply_again(facts, &again, &database).await;
        scratch.drop(database).await?;
        facts.repeated.extend(found?);
    }
    let mut undone: Vec<usize> =
        (0..facts.files.len()).filter(|file| facts.undo(*file).is_some()).collect();
    if undone.is_empty() {
        return Ok(());
    }
    if undone.len() > UNDONE {
        let older = undone.len() - UNDONE;
        undone.drain(..older);
        facts.unseen.push(Unseen {
            what: format!("whether the oldest {older} files can be undone"),
            why: format!("Only the newest {UNDONE} are tried."),
        });
    }
    let database = scratch.database().await?;
    let found = undo_each(facts, &undone, &database).await;
    scratch.drop(database).await?;
    facts.repeated.extend(found?);
    Ok(())
}

/// Whether something may apply the file more than once: a person with psql, or Flyway.
fn is_repeated(facts: &Facts, file: usize) -> bool {
    match facts.convention {
        Some(Convention::Plain) => true,
        Some(Convention::Flyway) => {
            facts.files[file].path.rsplit('/').next().is_some_and(|name| name.starts_with("R__"))
        }
        _ => false,
    }
}

/// The statements of a file that were run, in order.
fn done(facts: &Facts, file: usize) -> impl Iterator<Item = StatementId> {
    facts
        .statements()
        .filter(move |(_, statement)| statement.file == file)
        .filter(|(_, statement)| matches!(statement.run, Run::Done(_)))
        .map(|(id, _)| id)
}

async fn apply_again(
    facts: &Facts,
    files: &[usize],
    database: &ScratchDatabase,
) -> Result<Vec<Repeated>> {
    let mut session = Session::open(database).await?;
    let mut found = Vec::new();
    for &file in files {
        let before = row_counts(facts, file, session.connection()).await?;
        let mut outcome = None;
        for id in done(facts, file) {
            if let Some(failure) = session.run(facts.text(id)).await? {
                outcome = Some(Outcome::Failed(facts.text(id).to_owned(), failure));
                break;
            }
        }
        if outcome.is_none() {
            let after = row_counts(facts, file, session.connection()).await?;
            let more: Vec<Difference> = before
                .into_iter()
                .filter(|(table, rows)| after.get(table).is_some_and(|after| after > rows))
                .map(|(table, rows)| Difference {
                    query: format!("select 'more rows' from {table} having count(*) > {rows}"),
                    what: format!("rows of {table}"),
                    how: Differs::Left,
                })
                .collect();
            outcome = (!more.is_empty()).then_some(Outcome::Differs(more));
        }
        let attempt = Attempt::Again;
        found.extend(outcome.map(|outcome| Repeated { file, attempt, outcome }));
    }
    session.close().await;
    Ok(found)
}

/// The rows of the tables that a file inserts into, by the table's name as SQL.
async fn row_counts(
    facts: &Facts,
    file: usize,
    connection: &Connection,
) -> Result<BTreeMap<String, i64>> {
    let mut counts = BTreeMap::new();
    for id in done(facts, file) {
        let Command::Insert { table } = &facts.statement(id).command else { continue };
        let table = quoted(table);
        // One that is gone again has nothing to count.
        let there = format!("select to_regclass({}) is not null", Literal(&table));
        let failed = |error| from_pg("could not count rows", &error);
        if connection.query_one(&there, &[]).await.map_err(failed)?.get(0) {
            let count = format!("select count(*) from {table}");
            let rows = connection.query_one(&count, &[]).await.map_err(failed)?.get(0);
            counts.insert(table, rows);
        }
    }
    Ok(counts)
}

async fn undo_each(
    facts: &Facts,
    files: &[usize],
    database: &ScratchDatabase,
) -> Result<Vec<Repeated>> {
    let mut session = Session::open(database).await?;
    let mut found = Vec::new();
    for file in 0..facts.files.len() {
        let tried = files.contains(&file) && builds(facts, file);
        let before = if tried { snapshot(database).await? } else { Vec::new() };
        apply(facts, file, &mut session).await?;
        if !tried {
            continue;
        }
        let transactional = facts.files[file].transactional;
        if let Some(failed) = undo(facts, file, &mut session).await? {
            found.push(Repeated { file, attempt: Attempt::Undo, outcome: failed });
            if transactional {
                continue;
            }
            // What of it was done cannot be taken back, so nothing more can be told.
            break;
        }
        let differences = compare(&before, &snapshot(database).await?);
        if !differences.is_empty() {
            let outcome = Outcome::Differs(differences);
            found.push(Repeated { file, attempt: Attempt::Undo, outcome });
        }
        if let Some(failed) = apply(facts, file, &mut session).await? {
            found.push(Repeated { file, attempt: Attempt::Redo, outcome: failed });
            break;
        }
    }
    session.close().await;
    Ok(found)
}

/// Whether all of the file was run.
fn builds(facts: &Facts, file: usize) -> bool {
    facts.statements().filter(|(_, statement)| statement.file == file).all(|(_, statement)| {
        matches!(statement.run, Run::Done(_))
            || matches!(statement.command, Command::Transaction(_))
    })
}

/// Applies a file; the first failure.
async fn apply(facts: &Facts, file: usize, session: &mut Session<'_>) -> Result<Option<Outcome>> {
    if facts.files[file].transactional {
        session.begin().await?;
    }
    let mut failed = None;
    for id in done(facts, file) {
        let failure = if facts.statement(id).needs_no_transaction {
            session.run_outside(facts.text(id)).await?
        } else {
            session.run(facts.text(id)).await?
        };
        if let Some(failure) = failure {
            failed.get_or_insert(Outcome::Failed(facts.text(id).to_owned(), failure));
        }
    }
    session.commit().await?;
    Ok(failed)
}

/// Undoes a file; where it fails, and the file is one transaction, nothing of it is left.
async fn undo(facts: &Facts, file: usize, session: &mut Session<'_>) -> Result<Option<Outcome>> {
    let Some(text) = facts.undo(file) else { return Ok(None) };
    if facts.files[file].transactional {
        session.begin().await?;
    }
    for statement in howdah_sql::split(text).0 {
        if statement.is_transaction_control() {
            continue;
        }
        match howdah_sql::command::read(statement.text) {
            Command::Escape(_) | Command::Copy(_) => continue,
            _ => {}
        }
        if let Some(failure) = session.run(statement.text).await? {
            session.roll_back().await?;
            return Ok(Some(Outcome::Failed(statement.text.to_owned(), failure)));
        }
    }
    Ok(session.commit().await?.map(|failure| Outcome::Failed("commit".to_owned(), failure)))
}

/// Everything that is there: kind, name and definition.
///
/// It is asked on a connection of its own, whose search path no file has set.
async fn snapshot(database: &ScratchDatabase) -> Result<Vec<(usize, String, String)>> {
    let connection = database.connect().await?;
    let mut all = Vec::new();
    for (kind, (_, sql)) in KINDS.iter().enumerate() {
        let rows = connection.query_typed(sql, &[]).await;
        let rows = rows.map_err(|error| from_pg("could not list what is there", &error))?;
        all.extend(rows.iter().map(|row| (kind, row.get(0), row.get(1))));
    }
    connection.close().await;
    Ok(all)
}

/// What of `now` is not as it was.
fn compare(before: &[(usize, String, String)], now: &[(usize, String, String)]) -> Vec<Difference> {
    let map = |all: &[(usize, String, String)]| -> BTreeMap<(usize, String), String> {
        all.iter().map(|(kind, name, text)| ((*kind, name.clone()), text.clone())).collect()
    };
    let (before, now) = (map(before), map(now));
    let mut differences: Vec<(String, Difference)> = Vec::new();
    for ((kind, name), definition) in &now {
        match before.get(&(*kind, name.clone())) {
            // Others may need an extension that this file was but the first to make.
            None if KINDS[*kind].0 == "extension" => {}
            None => differences.push((name.clone(), difference(*kind, name, Differs::Left, ""))),
            Some(was) if was != definition => {
                let changed = difference(*kind, name, Differs::Changed, definition);
                differences.push((name.clone(), changed));
            }
            Some(_) => {}
        }
    }
    for (kind, name) in before.keys().filter(|key| !now.contains_key(*key)) {
        differences.push((name.clone(), difference(*kind, name, Differs::Gone, "")));
    }
    // What belongs to a table that is told already is not told again.
    let names: Vec<String> = differences.iter().map(|(name, _)| format!("{name}.")).collect();
    differences.retain(|(name, _)| !names.iter().any(|owner| name.starts_with(owner.as_str())));
    differences.into_iter().map(|(_, difference)| difference).collect()
}

fn difference(kind: usize, name: &str, how: Differs, definition: &str) -> Difference {
    let (word, sql) = KINDS[kind];
    let mut found = format!(
        "select name from (\n{}\n) as there(name, definition) where name = {}",
        sql.trim(),
        Literal(name)
    );
    if how == Differs::Changed {
        found.push_str(&format!(" and definition = {}", Literal(definition)));
    }
    let query = match how {
        Differs::Gone => format!("select 'missing' where not exists ({found})"),
        Differs::Left | Differs::Changed => found,
    };
    Difference { what: format!("{word} {name}"), how, query }
}
