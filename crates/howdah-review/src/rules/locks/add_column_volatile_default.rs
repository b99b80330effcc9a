//! A column is added with a default that is another for each row, so the table is written anew.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key);
//! -- file: 0002_token.sql
//! alter table orders add column token uuid default gen_random_uuid();
//! ```
//!
//! A default that is the same for all rows is kept once, `now()` too:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key);
//! -- file: 0002_made.sql
//! alter table orders add column made timestamptz not null default now();
//! alter table orders add column state text not null default 'new';
//! ```
//!
//! ## Why
//!
//! The whole table and its indexes are written again under an ACCESS EXCLUSIVE lock: nobody can
//! read or write until it is done, and the disk needs room for both.
//!
//! ## Instead
//!
//! Add the column without the default, set the default for new rows, and fill the old rows in
//! batches.

use howdah_sql::command::{AlterAction, AlterTable, ColumnConstraint, ColumnDef, Command};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0202",
    name: "add-column-volatile-default",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("add_column_volatile_default.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let Some(column) = added(table) else { continue };
        let Some(reproducer) = proof::rewritten(facts, id, &table.name) else { continue };
        let finding = findings.add(
            Subject::Statement(id),
            format!("adding column \"{}\" writes all of its table anew", column.name),
        );
        finding
            .detail("Its default gives another value for each row.")
            .hint("Add it without the default, then set the default; fill old rows in batches.")
            .proved(reproducer);
        if let Some(sql) = instead(table, column) {
            finding.instead(id, sql);
        }
    }
}

/// The column that is added with a default.
fn added(table: &AlterTable) -> Option<&ColumnDef> {
    table.actions.iter().find_map(|(action, _)| match action {
        AlterAction::AddColumn(column) if column.default().is_some() => Some(column),
        _ => None,
    })
}

/// Two statements that do the same for new rows; none when the column needs its values at once.
fn instead(table: &AlterTable, column: &ColumnDef) -> Option<Vec<String>> {
    let only_default = |constraint: &ColumnConstraint| {
        matches!(constraint, ColumnConstraint::Default(_) | ColumnConstraint::Null)
    };
    if table.actions.len() != 1 || !column.constraints.iter().all(only_default) {
        return None;
    }
    let default = &column.default()?.text;
    let name = howdah_catalog::Ident::new(column.name.as_str());
    let parts: Vec<String> = table
        .name
        .parts
        .iter()
        .map(|p| howdah_catalog::Ident::new(p.as_str()).to_string())
        .collect();
    let relation = parts.join(".");
    Some(vec![
        format!("alter table {relation} add column {name} {}", column.type_name.text),
        format!("alter table {relation} alter column {name} set default {default}"),
    ])
}
