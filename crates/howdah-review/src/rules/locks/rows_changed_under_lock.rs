//! Rows are changed while the transaction holds a lock, taken before, that nobody can pass.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! -- file: 0002_fill.sql
//! alter table orders add column place text;
//! update orders set place = 'unknown' where place is null;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! create table places (name text primary key);
//! -- file: 0002_column.sql
//! alter table orders add column place text;
//! insert into places values ('unknown');
//! -- file: 0003_fill.sql
//! update orders set place = 'unknown' where place is null;
//! alter table orders alter column state set default 'new';
//! ```
//!
//! ## Why
//!
//! The lock lasts to the end of the transaction: while the rows are changed, for seconds or hours,
//! nobody can even read the table.
//!
//! ## Instead
//!
//! Change the definition in one migration and the rows in the next one, in batches.

use howdah_sql::command::Command;

use crate::facts::{self, Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0221",
    name: "rows-changed-under-lock",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("rows_changed_under_lock.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let mut told = None;
    for (id, statement) in facts.statements() {
        let (Command::Update { table, .. } | Command::Delete { table, .. }) = &statement.command
        else {
            continue;
        };
        // Of a file the first one is told; what follows goes with it.
        if told == Some(statement.file) || !facts.may_hold_rows(table, id) {
            continue;
        }
        let Some(trace) = facts.trace(id) else { continue };
        let held = trace.held.iter().rfind(|(_, mode)| mode.blocks_reads());
        let Some((name, _)) = held else { continue };
        let locked = facts::name(name);
        let mode = LockMode::AccessExclusive;
        let Some((since, _, reproducer)) = proof::locked_meanwhile(facts, id, &locked, mode) else {
            continue;
        };
        told = Some(statement.file);
        findings
            .add(
                Subject::Statement(id),
                format!("nobody can use \"{}\" while rows are changed", name.plain()),
            )
            .detail(format!(
                "The statement at line {} has locked it, until the transaction ends.",
                facts.statement(since).position.line
            ))
            .hint("Change the rows in a migration of their own.")
            .proved(reproducer);
    }
}
