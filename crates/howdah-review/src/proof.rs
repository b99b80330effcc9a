//! Reproducers that several rules need.

use howdah_catalog::{Literal, RelName};
use howdah_sql::command::Name;

use crate::facts::{Facts, LockMode, StatementId};
use crate::finding::{Expect, Reproducer};

/// The table that the statement wrote anew, when it is the named one, was there before the file and
/// may hold rows; with what shows it.
#[must_use]
pub fn rewritten(facts: &Facts, id: StatementId, table: &Name) -> Option<Reproducer> {
    if !facts.may_hold_rows(table, id) {
        return None;
    }
    let trace = facts.trace(id)?;
    let name = trace.rewritten.iter().find(|name| name.name.as_str() == table.last())?;
    let file = format!("pg_relation_filenode({})", Literal(&name.to_string()));
    Some(Reproducer {
        before: Some(id),
        sql: format!(
            "begin;\nselect {file} as file into temp howdah_before;\n{};\n\
             select 'rewritten' from howdah_before where file <> {file}",
            facts.text(id)
        ),
        expect: Expect::Rows,
    })
}

/// The weakest lock of at least `mode` that the statement took on a table that was there before the
/// file and may hold rows; with what shows it.
#[must_use]
pub fn locked(
    facts: &Facts,
    id: StatementId,
    table: &Name,
    mode: LockMode,
) -> Option<(LockMode, Reproducer)> {
    if !facts.may_hold_rows(table, id) {
        return None;
    }
    let locks = &facts.trace(id)?.locks;
    let (name, held) =
        locks.iter().find(|(name, held)| name.name.as_str() == table.last() && *held >= mode)?;
    Some((*held, shows_lock(facts, id, name, *held)))
}

fn shows_lock(facts: &Facts, id: StatementId, table: &RelName, mode: LockMode) -> Reproducer {
    let words = mode.as_str().split(' ').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_ascii_lowercase())
    });
    Reproducer {
        before: Some(id),
        sql: format!(
            "begin;\n{};\nselect mode from pg_locks where pid = pg_backend_pid()\n  \
             and relation = {}::regclass and mode = '{}Lock'",
            facts.text(id),
            Literal(&table.to_string()),
            words.collect::<String>(),
        ),
        expect: Expect::Rows,
    }
}
