//! What became of a statement that was sent before the runner was lost.

use howdah_catalog::RelName;
use howdah_error::{Code, Error, Kind, Result};
use howdah_sql::Statement;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::history::{self, Progress};

/// What became of a statement of which nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InFlight {
    /// It was done: go on behind it.
    Done,
    /// It was not: do it.
    Again,
}

/// How to go on with the first statement that is not recorded as done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resume {
    /// It is done.
    Skip,
    /// Run it.
    Run,
    /// Run it; what it drops may be gone already.
    RunUnlessGone,
    /// Drop this unfinished index, then run it.
    Rebuild(RelName),
}

/// Finds out from the catalog what became of `statement`.
///
/// HD0204 when that cannot be told and the caller has not said (`told`).
pub(super) async fn inspect(
    client: &Client,
    statement: &Statement<'_>,
    progress: &Progress,
    told: Option<InFlight>,
    file: &str,
) -> Result<Resume> {
    if let Some(index) = statement.concurrent_index() {
        let found = find_index(client, &index.table, &index.name)
            .await
            .map_err(|error| history::failed(&error))?;
        return Ok(match found {
            Some((name, false)) => Resume::Rebuild(name),
            Some((_, true)) if progress.in_flight => Resume::Skip,
            _ => Resume::Run,
        });
    }
    if !progress.in_flight {
        return Ok(Resume::Run);
    }
    let words = statement.leading_words();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (words.as_slice(), told) {
        (_, Some(InFlight::Done)) => Ok(Resume::Skip),
        (_, Some(InFlight::Again)) => Ok(Resume::Run),
        (["drop", "index", ..], None) => Ok(Resume::RunUnlessGone),
        // Doing these twice is doing them once.
        (["vacuum" | "reindex" | "cluster" | "discard", ..] | ["alter", "system", ..], None) => {
            Ok(Resume::Run)
        }
        (_, None) => Err(unknown(statement, progress, file)),
    }
}

async fn find_index(
    client: &Client,
    table: &str,
    index: &str,
) -> Result<Option<(RelName, bool)>, tokio_postgres::Error> {
    let rows = client
        .query_typed(
            "select n.nspname::text, i.indisvalid \
             from pg_catalog.pg_index i \
             join pg_catalog.pg_class c on c.oid = i.indexrelid \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             where i.indrelid = pg_catalog.to_regclass($1) and c.relname = $2",
            &[(&table, Type::TEXT), (&index, Type::TEXT)],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some((RelName::new(row.try_get::<_, String>(0)?, index), row.try_get(1)?)))
}

fn unknown(statement: &Statement<'_>, progress: &Progress, file: &str) -> Error {
    Error::new(Kind::Conflict, format!("migration \"{file}\" stopped half-way"))
        .code(Code::MigrationHalfDone)
        .detail(format!(
            "Statements 1 to {} are done. Statement {}, at {file}:{} ({}), was sent, and the \
             connection was lost before its answer; it cannot run in a transaction, so it may or \
             may not have been done.",
            progress.done,
            progress.done + 1,
            statement.position,
            statement.first_line(),
        ))
        .hint(
            "Look whether it was done, and then say so: `howdah migrate up --in-flight done` or \
             `--in-flight again`.",
        )
}

/// HD0204: what was done of the file is not what the file says now.
pub(super) fn changed(file: &str, done: usize) -> Error {
    Error::new(Kind::Conflict, format!("migration \"{file}\" was edited while half done"))
        .code(Code::MigrationHalfDone)
        .detail(format!(
            "Its first {done} statements are done, and the file has others in their place now."
        ))
        .hint("Put these statements back; the later ones may be changed.")
}

/// HD0204: the file was going the other way.
pub(super) fn other_way(file: &str, way: &str) -> Error {
    Error::new(Kind::Conflict, format!("migration \"{file}\" stopped half-way {way}"))
        .code(Code::MigrationHalfDone)
        .detail("It does not run in a transaction, so a part of it is done.")
        .hint(format!("Finish it first: `howdah migrate {way}`."))
}

/// HD0204: sqlx has left it marked as failed.
pub(super) fn dirty(file: &str) -> Error {
    Error::new(Kind::Conflict, format!("migration \"{file}\" is marked as failed"))
        .code(Code::MigrationHalfDone)
        .detail("Its row in _sqlx_migrations says success = false, and howdah did not write it.")
        .hint(
            "Undo what it did, delete its row from _sqlx_migrations, and run it again; or finish \
             it by hand and set success to true.",
        )
}
