//! A migration locks a table by hand, so that writers or all others wait until its transaction
//! ends.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! -- file: 0002_lock.sql
//! lock table orders in exclusive mode;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! lock table orders;
//! -- file: 0002_lock.sql
//! lock table orders in row exclusive mode;
//! ```
//!
//! ## Why
//!
//! Whatever follows in the same transaction adds to the time for which others wait.
//!
//! ## Instead
//!
//! Let each statement take what it needs; where a lock is needed, `set local lock_timeout` before
//! it, and as little as possible behind it.

use howdah_sql::command::Command;

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0219",
    name: "lock-table-in-migration",
    level: Level::Notice,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("lock_table_in_migration.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::Lock { tables } = &statement.command else { continue };
        let lock = tables.iter().find_map(|table| {
            proof::locked(facts, id, table, LockMode::Share).map(|lock| (table, lock))
        });
        let Some((table, (mode, reproducer))) = lock else { continue };
        let who = if mode.blocks_reads() { "nobody can use" } else { "nobody can write to" };
        findings
            .add(
                Subject::Statement(id),
                format!("{who} \"{}\" until the transaction ends", table.plain()),
            )
            .detail(format!("It takes a {mode} lock."))
            .proved(reproducer);
    }
}
