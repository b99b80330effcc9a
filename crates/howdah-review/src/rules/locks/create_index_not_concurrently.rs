//! An index is built on a table that may be in use, and nobody can write meanwhile.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint not null);
//! -- file: 0002_index.sql
//! create index orders_customer on orders (customer);
//! ```
//!
//! A table of the same file is new and empty:
//!
//! ```sql,valid
//! create table orders (id bigint primary key, customer bigint not null);
//! create index orders_customer on orders (customer);
//! -- file: 0002_index.sql
//! -- no-transaction
//! create index concurrently orders_number on orders (id, customer);
//! ```
//!
//! ## Why
//!
//! `create index` holds a SHARE lock until it is done: inserts, updates and deletes of the table
//! wait for as long as the table takes to be read and sorted.
//!
//! ## Instead
//!
//! `create index concurrently`, in a file that its tool runs without a transaction. When it fails
//! it leaves an invalid index, which must be dropped before the next try.

use howdah_sql::command::{Command, CreateIndex};

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0201",
    name: "create-index-not-concurrently",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Statements],
    source: include_str!("create_index_not_concurrently.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::CreateIndex(index) = &statement.command else { continue };
        if index.concurrently || index.only || !facts.may_hold_rows(&index.table, id) {
            continue;
        }
        let lock = proof::locked(facts, id, &index.table, LockMode::Share);
        if facts.built && lock.is_none() {
            continue;
        }
        let finding = findings.add(
            Subject::Statement(id),
            format!("writers of \"{}\" wait while an index is built", index.table.plain()),
        );
        finding.detail(format!("It holds a {} lock on the table.", LockMode::Share));
        finding.hint("Build it concurrently, in a file that is run without a transaction.");
        if let Some((_, reproducer)) = lock {
            finding.proved(reproducer);
        }
        finding.instead(id, vec![concurrent(facts.text(id), index)]);
    }
}

/// The statement with `concurrently` behind `index`, and without `if not exists`: that would pass
/// over what a first try left invalid.
fn concurrent(text: &str, index: &CreateIndex) -> String {
    let before = index.name.as_ref().map_or(index.table.span.start, |name| name.span.start);
    let head = text[..before].to_ascii_lowercase();
    let at = head.find("index").map_or(before, |at| at + "index".len());
    let rest = if index.if_not_exists { &text[before..] } else { text[at..].trim_start() };
    format!("{} concurrently {rest}", &text[..at])
}
