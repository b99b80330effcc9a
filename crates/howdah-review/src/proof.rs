//! Reproducers that several rules need.

use howdah_catalog::{Column, Constraint, Index, Literal, RelName, Relation};
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

/// The column is as `condition` says of its row `a` of `pg_attribute`.
#[must_use]
pub fn column(table: &Relation, column: &Column, condition: &str) -> Reproducer {
    Reproducer::query(format!(
        "select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a\n  \
         where a.attrelid = {}::regclass and a.attname = {}\n  and {condition}",
        Literal(&table.name.to_string()),
        Literal(column.name.as_str())
    ))
}

/// The index is as `condition` says of its row `i` of `pg_index`.
#[must_use]
pub fn index(table: &Relation, index: &Index, condition: &str) -> Reproducer {
    let name = RelName { schema: table.name.schema.clone(), name: index.name.clone() };
    Reproducer::query(format!(
        "select pg_get_indexdef(i.indexrelid) from pg_index i\n  \
         where i.indexrelid = {}::regclass and {condition}",
        Literal(&name.to_string())
    ))
}

/// The constraint is as `condition` says of its row `k` of `pg_constraint`.
#[must_use]
pub fn constraint(table: &Relation, constraint: &Constraint, condition: &str) -> Reproducer {
    Reproducer::query(format!(
        "select k.conname, pg_get_constraintdef(k.oid) from pg_constraint k\n  \
         where k.conrelid = {}::regclass and k.conname = {}\n  and {condition}",
        Literal(&table.name.to_string()),
        Literal(constraint.name.as_str())
    ))
}

/// The table has no trigger that is as `condition` says of its row `t` of `pg_trigger`.
#[must_use]
pub fn no_trigger(table: &Relation, condition: &str) -> Reproducer {
    Reproducer::query(format!(
        "select c.relname from pg_class c where c.oid = {}::regclass and not exists (\n    \
         select from pg_trigger t where t.tgrelid = c.oid and {condition})",
        Literal(&table.name.to_string())
    ))
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
