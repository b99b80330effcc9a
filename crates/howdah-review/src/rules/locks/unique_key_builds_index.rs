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
        let actions = || table.actions.iter().map(|(action, _)| action);
        if !actions().any(|action| makes_column(action) || key(action).is_some()) {
            continue;
        }
        let lock = proof::locked(facts, id, &table.name, LockMode::AccessExclusive);
        let Some((_, reproducer)) = lock else { continue };
        let finding = findings.add(
            Subject::Statement(id),
            format!("nobody can use \"{}\" while its unique index is built", table.name.plain()),
        );
        finding
            .hint("Build the unique index concurrently, then make the key \"using index\".")
            .proved(reproducer);
        // What is written besides the columns would be lost.
        let is_plain = |span: &std::ops::Range<usize>| {
            let text = facts.text(id)[span.clone()].to_ascii_lowercase();
            text.ends_with(')') && !text.contains("include") && !text.contains("nulls")
        };
        if let Some(constraint) = actions().find_map(key)
            && is_plain(&constraint.span)
            && let Some(sql) = rephrase::by_index(table, constraint)
        {
            finding.instead(id, sql);
        }
    }
}

/// The key that the action adds over an index that is not there yet.
fn key(action: &AlterAction) -> Option<&ConstraintDef> {
    let AlterAction::AddConstraint(constraint) = action else { return None };
    let unique = matches!(
        constraint.constraint,
        TableConstraint::Unique(_) | TableConstraint::PrimaryKey(_)
    );
    (unique && constraint.using_index.is_none()).then_some(constraint)
}

/// Whether the action adds a column with a key of its own.
fn makes_column(action: &AlterAction) -> bool {
    let AlterAction::AddColumn(column) = action else { return false };
    column.has(&ColumnConstraint::Unique) || column.has(&ColumnConstraint::PrimaryKey)
}
