//! A migration that its tool runs in a transaction begins or ends one itself.
//!
//! It is told for the tools that are known to open one: goose, dbmate, Flyway and Drizzle. Others,
//! such as golang-migrate, open none, and then it is right.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! -- +goose Up
//! begin;
//! create table orders (id bigint primary key);
//! commit;
//! -- +goose Down
//! drop table orders;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! -- +goose NO TRANSACTION
//! -- +goose Up
//! begin;
//! create table orders (id bigint primary key);
//! commit;
//! -- +goose Down
//! drop table orders;
//! -- file: 0002_note.sql
//! -- +goose Up
//! savepoint here;
//! alter table orders add column note text;
//! release savepoint here;
//! -- +goose Down
//! alter table orders drop column note;
//! ```
//!
//! ## Why
//!
//! `commit` ends the tool's transaction: what follows in the file, and the tool's own note that
//! the file was applied, are no longer one with it. `begin` does nothing but warn.
//!
//! ## Instead
//!
//! Leave both out, or tell the tool to run the file without a transaction.

use howdah_sql::command::{Command, Transaction};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::migrations::Convention;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0108",
    name: "transaction-in-transaction",
    level: Level::Warning,
    group: Group::Build,
    needs: &[Needs::Statements],
    source: include_str!("transaction_in_transaction.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let opens = |convention| {
        matches!(convention, Convention::Marked(_) | Convention::Flyway | Convention::Drizzle)
    };
    if !facts.convention.is_some_and(opens) {
        return;
    }
    let mut told = None;
    for (id, statement) in facts.statements() {
        let own = matches!(
            statement.command,
            Command::Transaction(Transaction::Begin | Transaction::Commit | Transaction::Rollback)
        );
        // Of a file the first is told.
        if !own || !facts.files[statement.file].transactional || told == Some(statement.file) {
            continue;
        }
        told = Some(statement.file);
        findings
            .add(
                Subject::Statement(id),
                "the file is run in a transaction already, which this one disturbs",
            )
            .hint("Leave it out, or tell the tool to run the file without a transaction.")
            .proved(Reproducer::written(id));
    }
}
