//! A migration adds a value to an enum that is in use.
//!
//! ```sql,invalid
//! -- file: 0001_types.sql
//! create type status as enum ('open', 'closed');
//! create table orders (id bigint primary key, status status not null);
//! -- file: 0002_more.sql
//! alter type status add value 'cancelled';
//! ```
//!
//! ```sql,valid
//! create type side as enum ('buy', 'sell');
//! create table orders (id bigint primary key, side side not null);
//! create table statuses (status text primary key);
//! insert into statuses values ('open'), ('closed');
//! ```
//!
//! ## Why
//!
//! A set that has grown will grow again, and an enum can only grow: a value cannot be removed, its
//! order is that of its definition, a new value cannot be used in the transaction that adds it, and
//! changing the column to another type fails where an index or a view compares it.
//!
//! ## Instead
//!
//! A table of the values with a foreign key, or text with a check. Enums are good for what is
//! complete, such as the two sides of a trade.

use howdah_sql::command::Command;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0312",
    name: "enum-grows",
    level: Level::Info,
    group: Group::Types,
    needs: &[Needs::Statements, Needs::Build],
    source: include_str!("enum_grows.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let mut told = Vec::new();
    for (id, statement) in facts.statements() {
        let Command::AddEnumValue { name, .. } = &statement.command else { continue };
        if told.contains(&name.last()) || facts.trace(id).is_none() {
            continue;
        }
        told.push(name.last());
        findings
            .add(Subject::Statement(id), format!("enum \"{}\" grows", name.last()))
            .hint("Keep values that change in a table with a foreign key.")
            .proved(Reproducer::written(id));
    }
}
