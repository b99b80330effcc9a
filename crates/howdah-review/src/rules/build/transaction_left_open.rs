//! A file begins a transaction and does not end it.
//!
//! ```sql,invalid
//! begin;
//! create table orders (id bigint primary key);
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! begin;
//! create table orders (id bigint primary key);
//! commit;
//! -- file: 0002_note.sql
//! start transaction;
//! alter table orders add column note text;
//! end;
//! ```
//!
//! ## Why
//!
//! A tool that sends the file and closes the connection takes all of it back, and says that it was
//! applied. One that goes on with the next file holds every lock until the last.
//!
//! ## Instead
//!
//! End it with `commit`, or leave `begin` out where the tool opens a transaction itself.

use howdah_sql::command::{Command, Transaction};

use crate::facts::{Facts, StatementId};
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0109",
    name: "transaction-left-open",
    level: Level::Warning,
    group: Group::Build,
    needs: &[Needs::Statements],
    source: include_str!("transaction_left_open.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let mut open: Vec<(usize, StatementId)> = Vec::new();
    for (id, statement) in facts.statements() {
        let Command::Transaction(control) = &statement.command else { continue };
        match control {
            Transaction::Begin => open.push((statement.file, id)),
            // Whoever ends a transaction of an earlier file has ended it.
            Transaction::Commit | Transaction::Rollback => open.clear(),
            Transaction::Other => {}
        }
    }
    // Of a file the first is told.
    open.dedup_by_key(|(file, _)| *file);
    for (_, id) in open {
        findings
            .add(Subject::Statement(id), "the transaction that begins here is not ended")
            .hint("End it with commit.")
            .proved(Reproducer::written(id));
    }
}
