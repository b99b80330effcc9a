//! Reproducers that several rules need.

use howdah_catalog::{Column, Constraint, Ident, Index, Literal, RelName, Relation};
use howdah_sql::command::Name;

use crate::facts::{self, Facts, LockMode, StatementId};
use crate::finding::{Expect, Login, Reproducer};

/// The table that the statement wrote anew, when it is the named one, was there before the file and
/// may hold rows; with what shows it.
#[must_use]
pub fn rewritten(facts: &Facts, id: StatementId, table: &Name) -> Option<Reproducer> {
    if !facts.may_hold_rows(table, id) {
        return None;
    }
    let trace = facts.trace(id)?;
    let name = trace.rewritten.iter().find(|name| same(name, table))?;
    let file = format!("pg_relation_filenode({})", Literal(&name.to_string()));
    Some(Reproducer {
        before: Some(id),
        sql: format!(
            "begin;\nselect {file} as file into temp howdah_before;\n{};\n\
             select 'rewritten' from howdah_before where file <> {file}",
            facts.text(id)
        ),
        expect: Expect::Rows,
        login: Login::Owner,
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
    let trace = facts.trace(id)?;
    // A statement before may have taken the same lock already; alone, this one takes it too.
    let mut locks = trace.locks.iter().chain(&trace.held);
    let (name, held) = locks.find(|(name, held)| same(name, table) && *held >= mode)?;
    Some((*held, shows_lock(facts, id, name, *held)))
}

/// The strongest lock of at least `mode` that the statement took on any table that was there before
/// the file and may hold rows; with the table, and what shows it.
#[must_use]
pub fn locked_any(
    facts: &Facts,
    id: StatementId,
    mode: LockMode,
) -> Option<(RelName, LockMode, Reproducer)> {
    let locks = facts.trace(id)?.locks.iter();
    let strong =
        locks.filter(|(name, held)| *held >= mode && facts.may_hold_rows(&facts::name(name), id));
    let (name, held) = strong.max_by_key(|(_, held)| *held)?;
    Some((name.clone(), *held, shows_lock(facts, id, name, *held)))
}

/// The table that the statement read from end to end, when it is the named one, was there before
/// the file and may hold rows; with what shows it.
#[must_use]
pub fn scanned(facts: &Facts, id: StatementId, table: &Name) -> Option<Reproducer> {
    if !facts.may_hold_rows(table, id) {
        return None;
    }
    let name = facts.trace(id)?.scanned.iter().find(|name| same(name, table))?;
    let count = format!("pg_stat_get_xact_numscans({}::regclass)", Literal(&name.to_string()));
    Some(Reproducer {
        before: Some(id),
        sql: format!(
            "begin;\nselect {count} as scans into temp howdah_before;\n{};\n\
             select 'read from end to end' from howdah_before where scans < {count}",
            facts.text(id)
        ),
        expect: Expect::Rows,
        login: Login::Owner,
    })
}

/// Shows that the table is locked still when the statement runs, by one before it in the same
/// transaction: with that one, and how it locks.
#[must_use]
pub fn locked_meanwhile(
    facts: &Facts,
    id: StatementId,
    table: &Name,
    mode: LockMode,
) -> Option<(StatementId, LockMode, Reproducer)> {
    if !facts.may_hold_rows(table, id) || !facts.files[facts.statement(id).file].transactional {
        return None;
    }
    let held = &facts.trace(id)?.held;
    let (name, mode) = held.iter().rfind(|(name, held)| same(name, table) && *held >= mode)?;
    let since = facts.before_in_file(id).map(|(before, _)| before).find(|before| {
        facts.trace(*before).is_some_and(|trace| trace.locks.contains(&(name.clone(), *mode)))
    })?;
    let between = (since.0..id.0).map(StatementId).map(|id| facts.text(id));
    let script: Vec<&str> = between.chain([facts.text(id)]).collect();
    let reproducer = Reproducer {
        before: Some(since),
        sql: format!("begin;\n{};\n{}", script.join(";\n"), lock_query(name, *mode)),
        expect: Expect::Rows,
        login: Login::Owner,
    };
    Some((since, *mode, reproducer))
}

/// Shows that after the statement `query` fails with this SQLSTATE.
#[must_use]
pub fn then_fails(id: StatementId, text: &str, query: &str, sqlstate: &str) -> Reproducer {
    Reproducer {
        before: Some(id),
        sql: format!("begin;\n{text};\n{query}"),
        expect: Expect::Failure(sqlstate.to_owned()),
        login: Login::Owner,
    }
}

/// A name as SQL, each part quoted where it must be.
#[must_use]
pub fn quoted(name: &Name) -> String {
    let parts: Vec<String> =
        name.parts.iter().map(|part| Ident::new(part.as_str()).to_string()).collect();
    parts.join(".")
}

fn same(name: &RelName, table: &Name) -> bool {
    name.name.as_str() == table.last()
        && table.schema().is_none_or(|schema| schema == name.schema.as_str())
}

/// Shows that the statement, alone, takes this lock on the table.
#[must_use]
pub fn shows_lock(facts: &Facts, id: StatementId, table: &RelName, mode: LockMode) -> Reproducer {
    Reproducer {
        before: Some(id),
        sql: format!("begin;\n{};\n{}", facts.text(id), lock_query(table, mode)),
        expect: Expect::Rows,
        login: Login::Owner,
    }
}

fn lock_query(table: &RelName, mode: LockMode) -> String {
    let words = mode.as_str().split(' ').map(|word| {
        let (first, rest) = word.split_at(1);
        format!("{first}{}", rest.to_ascii_lowercase())
    });
    format!(
        "select mode from pg_locks where pid = pg_backend_pid()\n  \
         and relation = {}::regclass and mode = '{}Lock'",
        Literal(&table.to_string()),
        words.collect::<String>(),
    )
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
