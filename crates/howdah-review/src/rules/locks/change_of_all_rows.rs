//! An `update` or `delete` without `where` changes every row of a table that may be large, in one
//! transaction.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! -- file: 0002_fill.sql
//! update orders set state = 'new';
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! update orders set state = 'new';
//! -- file: 0002_fill.sql
//! update orders set state = 'new' where id between 1 and 10000 and state is null;
//! ```
//!
//! ## Why
//!
//! Every row is locked until the end, the table grows to twice its size, and vacuum can take
//! nothing back meanwhile; replicas fall behind.
//!
//! ## Instead
//!
//! Batches by ranges of the key, each in a transaction of its own; `truncate` where all rows go.

use howdah_sql::command::{Command, ObjectKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0218",
    name: "change-of-all-rows",
    level: Level::Notice,
    group: Group::Locks,
    needs: &[Needs::Statements],
    source: include_str!("change_of_all_rows.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let (table, verb) = match &statement.command {
            Command::Update { table, filtered: false } => (table, "updated"),
            Command::Delete { table, filtered: false } => (table, "deleted"),
            _ => continue,
        };
        // What no file makes may be small as well as large; then nothing is said.
        let known = facts.made_by(ObjectKind::Table, table, Some(id)).is_some();
        if !known || !facts.may_hold_rows(table, id) {
            continue;
        }
        findings
            .add(
                Subject::Statement(id),
                format!("every row of \"{}\" is {verb} in one transaction", table.plain()),
            )
            .hint("Change it in batches of some thousand rows, each in its own transaction.");
    }
}
