//! A column gets another type, and the table is written anew for it.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id int primary key, amount numeric(10,2));
//! -- file: 0002_wider.sql
//! alter table orders alter column id type bigint;
//! ```
//!
//! Many changes touch the catalog alone:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, name varchar(10), amount numeric(10,2));
//! -- file: 0002_wider.sql
//! alter table orders alter column name type text;
//! alter table orders alter column amount type numeric(12,2);
//! ```
//!
//! ## Why
//!
//! The whole table and its indexes are written again under an ACCESS EXCLUSIVE lock: nobody can
//! read or write until it is done, and the disk needs room for both.
//!
//! ## Instead
//!
//! Add a column of the new type, keep both equal by a trigger, fill the old rows in batches, and
//! swap the names in a short transaction.

use howdah_sql::command::{AlterAction, Command};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0203",
    name: "type-change-rewrites",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("type_change_rewrites.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let changed = table.actions.iter().find_map(|(action, _)| match action {
            AlterAction::ColumnType { column, type_name, .. } => Some((column, type_name)),
            _ => None,
        });
        let Some((column, type_name)) = changed else { continue };
        let Some(reproducer) = proof::rewritten(facts, id, &table.name) else { continue };
        findings
            .add(
                Subject::Statement(id),
                format!(
                    "making column \"{column}\" a {} writes all of its table anew",
                    type_name.text
                ),
            )
            .detail("The table got a new file, under an ACCESS EXCLUSIVE lock.")
            .hint("Add a second column, fill it in batches, and swap the names.")
            .proved(reproducer);
    }
}
