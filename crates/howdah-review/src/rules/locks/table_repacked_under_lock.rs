//! `vacuum full` or `cluster` writes a table anew while nobody can use it.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! -- file: 0002_repack.sql
//! cluster orders using orders_pkey;
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! -- file: 0002_repack.sql
//! -- no-transaction
//! vacuum (full, analyze) orders;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! cluster orders using orders_pkey;
//! -- file: 0002_vacuum.sql
//! -- no-transaction
//! vacuum (analyze) orders;
//! ```
//!
//! ## Why
//!
//! The whole table and its indexes are written again under an ACCESS EXCLUSIVE lock, and the disk
//! needs room for both. The room that it gains fills again if its cause stays.
//!
//! ## Instead
//!
//! Plain `vacuum`, which makes the room usable again; where a table has really to shrink, a tool
//! such as pg_repack, outside of migrations.

use howdah_sql::command::Command;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0210",
    name: "table-repacked-under-lock",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("table_repacked_under_lock.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::Repack { name } = &statement.command else { continue };
        let (what, reproducer) = match name {
            Some(table) if statement.needs_no_transaction => {
                if !facts.may_hold_rows(table, id) {
                    continue;
                }
                // It cannot be run within a transaction, so that its locks cannot be looked at.
                (format!("\"{}\"", table.plain()), Reproducer::written(id))
            }
            Some(table) => match proof::rewritten(facts, id, table) {
                Some(reproducer) => (format!("\"{}\"", table.plain()), reproducer),
                None => continue,
            },
            None => ("the tables of the database".to_owned(), Reproducer::written(id)),
        };
        findings
            .add(Subject::Statement(id), format!("nobody can use {what} while it is written anew"))
            .hint("Leave it out: plain vacuum makes the room usable again.")
            .proved(reproducer);
    }
}
