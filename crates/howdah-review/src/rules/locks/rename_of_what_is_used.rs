//! A table or a column that is in use gets another name, and whoever knows the old one fails.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, total numeric);
//! -- file: 0002_rename.sql
//! alter table orders rename column total to amount;
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, total numeric);
//! -- file: 0002_rename.sql
//! alter table orders rename to sales;
//! ```
//!
//! A view that keeps the old name, and a swap of two tables, break nobody:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, total numeric);
//! create table items (id bigint primary key);
//! -- file: 0002_rename.sql
//! alter table orders rename to sales;
//! create view orders as select * from sales;
//! alter table items rename to items_old;
//! create table items (id bigint primary key, note text);
//! ```
//!
//! Nor does the name of a column that is new, or that another column gets:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, total text);
//! -- file: 0002_rename.sql
//! alter table orders add column total_new jsonb;
//! alter table orders rename column total to total_old;
//! alter table orders rename column total_new to total;
//! ```
//!
//! ## Why
//!
//! While a migration is rolled out the old version of the application runs still, for minutes or
//! hours; each of its queries of the old name fails.
//!
//! ## Instead
//!
//! Add the new column beside the old one, keep both equal, move the application over, and drop the
//! old one later. For a table: a view with the old name in the same migration.

use howdah_catalog::Ident;
use howdah_sql::command::{AlterAction, Command, Name, ObjectKind};

use crate::facts::{Facts, Statement, StatementId};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0212",
    name: "rename-of-what-is-used",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("rename_of_what_is_used.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        if table.kind != ObjectKind::Table || !facts.may_hold_rows(&table.name, id) {
            continue;
        }
        for (action, _) in &table.actions {
            let relation = proof::quoted(&table.name);
            let (what, query, state) = match action {
                AlterAction::Rename(_) if !comes_back(facts, id, &table.name) => (
                    format!("table \"{}\"", table.name.plain()),
                    format!("select from {relation}"),
                    "42P01",
                ),
                AlterAction::RenameColumn(from, _)
                    if !comes_back(facts, id, &table.name)
                        && !is_new_or_comes_back(facts, id, &table.name, from) =>
                {
                    (
                        format!("column \"{from}\" of \"{}\"", table.name.plain()),
                        format!("select {relation}.{} from {relation}", Ident::new(from.as_str())),
                        "42703",
                    )
                }
                _ => continue,
            };
            if facts.trace(id).is_none() {
                continue;
            }
            findings
                .add(Subject::Statement(id), format!("whoever uses {what} fails from now on"))
                .hint(
                    "Keep the old name for a while: a column beside it, or a view in the place of \
                     the table.",
                )
                .proved(proof::then_fails(id, facts.text(id), &query, state));
        }
    }
}

/// Whether the same file gives the table's name to something else later.
fn comes_back(facts: &Facts, id: StatementId, table: &Name) -> bool {
    facts.after_in_file(id).any(|(_, later)| match &later.command {
        Command::AlterTable(other) => other.actions.iter().any(
            |(action, _)| matches!(action, AlterAction::Rename(to) if to.as_str() == table.last()),
        ),
        other => other.creates().is_some_and(|(kind, made)| {
            matches!(kind, ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView)
                && made.last() == table.last()
        }),
    })
}

/// Whether the same file makes the column, or gives its name to another one later.
fn is_new_or_comes_back(facts: &Facts, id: StatementId, table: &Name, column: &str) -> bool {
    let brings = |(_, other): (StatementId, &Statement)| {
        let Command::AlterTable(alter) = &other.command else { return false };
        alter.name.last() == table.last()
            && alter.actions.iter().any(|(action, _)| match action {
                AlterAction::AddColumn(new) => new.name == column,
                AlterAction::RenameColumn(_, to) => to == column,
                _ => false,
            })
    };
    facts.before_in_file(id).any(brings) || facts.after_in_file(id).any(brings)
}
