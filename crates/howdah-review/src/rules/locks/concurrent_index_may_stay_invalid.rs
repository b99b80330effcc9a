//! `create index concurrently if not exists` passes over an index that an earlier try left
//! invalid.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! -- file: 0002_index.sql
//! -- no-transaction
//! create index concurrently if not exists orders_customer on orders (customer);
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! create index if not exists orders_one on orders (customer, id);
//! -- file: 0002_index.sql
//! -- no-transaction
//! drop index concurrently if exists orders_customer;
//! create index concurrently if not exists orders_customer on orders (customer);
//! ```
//!
//! ## Why
//!
//! A concurrent build that fails, by a timeout, a deadlock or a duplicate, leaves an index that is
//! kept up to date by every write and used by no query. The second try then does nothing, and
//! reports success.
//!
//! ## Instead
//!
//! Drop the index concurrently `if exists` before it, and leave out `if not exists`.

use howdah_sql::command::{Command, Name};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0228",
    name: "concurrent-index-may-stay-invalid",
    level: Level::Notice,
    group: Group::Locks,
    needs: &[Needs::Statements],
    source: include_str!("concurrent_index_may_stay_invalid.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::CreateIndex(index) = &statement.command else { continue };
        let Some(name) = &index.name else { continue };
        let again = index.concurrently && index.if_not_exists;
        if !(again && facts.may_hold_rows(&index.table, id)) {
            continue;
        }
        let dropped = facts.before_in_file(id).any(|(_, before)| match &before.command {
            Command::Drop(drop) => drop.names.iter().any(|dropped| dropped.last() == name.last()),
            _ => false,
        });
        if dropped {
            continue;
        }
        let schema = index.table.parts.split_last().map_or(&[][..], |(_, schema)| schema);
        let full = Name {
            parts: schema.iter().cloned().chain([name.last().to_owned()]).collect(),
            span: 0..0,
        };
        findings
            .add(
                Subject::Statement(id),
                format!("if \"{}\" is left invalid by a first try, it stays so", name.last()),
            )
            .hint("Drop it concurrently, if it exists, before it is built.")
            .instead(
                id,
                vec![
                    format!("drop index concurrently if exists {}", proof::quoted(&full)),
                    facts.text(id).to_owned(),
                ],
            );
    }
}
