//! A table is emptied, and others are emptied with it.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint references customers);
//! -- file: 0002_empty.sql
//! truncate customers cascade;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint references customers);
//! -- file: 0002_empty.sql
//! truncate orders cascade;
//! truncate customers, orders;
//! ```
//!
//! ## Why
//!
//! Every table with a foreign key to it, and every one with a key to those, loses all of its rows
//! without being named.
//!
//! ## Instead
//!
//! Name all tables that are meant, without `cascade`: PostgreSQL refuses when one is missing.

use howdah_catalog::RelName;
use howdah_sql::command::Command;

use crate::facts::{self, Facts};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0217",
    name: "truncate-cascades",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("truncate_cascades.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::Truncate { tables, cascade: true } = &statement.command else { continue };
        let Some(trace) = facts.trace(id) else { continue };
        let is_named = |name: &RelName| tables.iter().any(|t| t.last() == name.name.as_str());
        let others: Vec<&RelName> = trace.rewritten.iter().filter(|name| !is_named(name)).collect();
        let Some(reproducer) =
            others.first().and_then(|name| proof::rewritten(facts, id, &facts::name(name)))
        else {
            continue;
        };
        let names: Vec<String> =
            others.iter().map(|name| format!("\"{}\"", name.plain())).collect();
        findings
            .add(
                Subject::Statement(id),
                format!("{} lose all rows without being named", names.join(", ")),
            )
            .hint("Name every table that is meant, and leave out cascade.")
            .proved(reproducer);
    }
}
