//! A column is added whose values are computed for every row at once, so the table is written
//! anew: a stored generated column, an identity, a serial, or a domain with a check.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, price numeric, pieces int);
//! -- file: 0002_total.sql
//! alter table orders add column total numeric generated always as (price * pieces) stored;
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key);
//! -- file: 0002_number.sql
//! alter table orders add column number bigint generated always as identity;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, price numeric, pieces int);
//! alter table orders add column total numeric generated always as (price * pieces) stored;
//! -- file: 0002_note.sql
//! alter table orders add column note text, add column tags text[] not null default '{}';
//! ```
//!
//! ## Why
//!
//! The whole table and its indexes are written again under an ACCESS EXCLUSIVE lock: nobody can
//! read or write until it is done, and the disk needs room for both.
//!
//! ## Instead
//!
//! A plain column that is filled in batches; a view or a function that computes the value; from
//! PostgreSQL 18 on a virtual generated column.

use howdah_sql::command::{AlterAction, ColumnConstraint, ColumnDef, Command};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0215",
    name: "add-column-rewrites",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("add_column_rewrites.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let Some((column, what)) = table.actions.iter().find_map(|(action, _)| computed(action))
        else {
            continue;
        };
        let Some(reproducer) = proof::rewritten(facts, id, &table.name) else { continue };
        findings
            .add(
                Subject::Statement(id),
                format!(
                    "adding {what} \"{}\" writes all of \"{}\" anew",
                    column.name,
                    table.name.plain()
                ),
            )
            .hint("Add a plain column and fill it in batches, or compute the value in a view.")
            .proved(reproducer);
    }
}

/// A column without a default, and what it is; those with one are another rule's.
fn computed(action: &AlterAction) -> Option<(&ColumnDef, &'static str)> {
    let AlterAction::AddColumn(column) = action else { return None };
    let what = column.constraints.iter().find_map(|constraint| match constraint {
        ColumnConstraint::Generated { .. } => Some("the generated column"),
        ColumnConstraint::Identity { .. } => Some("the identity column"),
        _ => None,
    });
    let serial = column.type_name.text.to_ascii_lowercase().contains("serial");
    let plain = if serial { "the serial column" } else { "the column" };
    column.default().is_none().then_some((column, what.unwrap_or(plain)))
}
