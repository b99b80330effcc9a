//! A unique or primary key is added to a table that may hold rows, and its index is built while
//! nobody can use the table.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, number bigint not null);
//! -- file: 0002_unique.sql
//! alter table orders add constraint orders_number unique (number);
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, number bigint not null);
//! alter table orders add unique (id, number);
//! -- file: 0002_index.sql
//! -- no-transaction
//! create unique index concurrently orders_number on orders (number);
//! -- file: 0003_unique.sql
//! alter table orders add constraint orders_number unique using index orders_number;
//! ```
//!
//! ## Why
//!
//! The table is locked with ACCESS EXCLUSIVE until all of it is read and sorted.
//!
//! ## Instead
//!
//! Build the unique index concurrently, and make the key of it with `using index`, which takes a
//! moment.

use howdah_sql::command::{AlterAction, ColumnConstraint, Command, ConstraintDef, TableConstraint};

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::{proof, rephrase};

pub(super) const RULE: Rule = Rule {
    code: "HR0207",
    name: "unique-key-builds-index",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("unique_key_builds_index.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let Some(constraint) = table.actions.iter().find_map(|(action, _)| added(action)) else {
            continue;
        };
        let lock = proof::locked(facts, id, &table.name, LockMode::AccessExclusive);
        let Some((_, reproducer)) = lock else { continue };
        let finding = findings.add(
            Subject::Statement(id),
            format!("nobody can use \"{}\" while its unique index is built", table.name.plain()),
        );
        finding
            .hint("Build the unique index concurrently, then make the key \"using index\".")
            .proved(reproducer);
        // What is behind the columns would be lost.
        let ends = |span: &std::ops::Range<usize>| facts.text(id)[span.clone()].ends_with(')');
        if let Some(constraint) = constraint
            && ends(&constraint.span)
            && let Some(sql) = rephrase::by_index(table, constraint)
        {
            finding.instead(id, sql);
        }
    }
}

/// Whether the action makes a unique index; the constraint, when it is an action of its own.
fn added(action: &AlterAction) -> Option<Option<&ConstraintDef>> {
    match action {
        AlterAction::AddConstraint(constraint) => (constraint.using_index.is_none()
            && matches!(
                constraint.constraint,
                TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_)
            ))
        .then_some(Some(constraint)),
        AlterAction::AddColumn(column) => (column.has(&ColumnConstraint::Unique)
            || column.has(&ColumnConstraint::PrimaryKey))
        .then_some(None),
        _ => None,
    }
}
