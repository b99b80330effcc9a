//! A migration writes every row of a table that is in use, in one statement.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, total numeric);
//! -- file: 0002_cents.sql
//! update orders set total = total * 100;
//! ```
//!
//! A new table has no rows that anybody waits for:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, total numeric);
//! update orders set total = 0;
//! -- file: 0002_some.sql
//! update orders set total = 0 where id = 7;
//! ```
//!
//! ## Why
//!
//! All rows are locked until the migration commits, the table needs twice its room, every index is
//! written, and a failure near the end throws all of it away.
//!
//! ## Instead
//!
//! Batches by key, each committed, outside of the migration's transaction.

use howdah_sql::command::Command;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0601",
    name: "update-every-row",
    level: Level::Warning,
    group: Group::Queries,
    needs: &[Needs::Statements],
    source: include_str!("update_every_row.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let (table, word) = match &statement.command {
            Command::Update { table, filtered: false } => (table, "updates"),
            Command::Delete { table, filtered: false } => (table, "deletes"),
            _ => continue,
        };
        if !facts.may_hold_rows(table, id) {
            continue;
        }
        findings
            .add(
                Subject::Statement(id),
                format!("one statement {word} every row of \"{}\"", table.plain()),
            )
            .hint("Write it in batches by key, each committed; truncate, when all is to go.")
            .proved(Reproducer::written(id));
    }
}
