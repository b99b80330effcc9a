//! A table has so many indexes that they more than double what a new row costs.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, a text, b text, c text, d text, e text, f text);
//! create index on orders (a);
//! create index on orders (b);
//! create index on orders (c);
//! create index on orders (d);
//! create index on orders (e);
//! create index on orders (f);
//! create index on orders (a, f);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, a text, b text, c text, d text, e text, f text);
//! create index on orders (a);
//! create index on orders (b);
//! create index on orders (c) where a is null;
//! ```
//!
//! ## Why
//!
//! An insert writes to each index of its table, and so does each update that is not made in place.
//! The review writes made-up rows to a copy with all indexes and to one with the unique ones alone,
//! and tells what it measured.
//!
//! ## Instead
//!
//! Drop what was never read; join indexes that begin alike; index only the rows that are looked
//! for.

use crate::experiment::IndexCost;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0406",
    name: "index-too-many",
    level: Level::Notice,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_too_many.rs"),
    check,
};

/// Secondary indexes from which it is tried.
const MANY: usize = 6;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let count = table.indexes.iter().filter(|index| !index.unique && index.valid).count();
        if count < MANY {
            continue;
        }
        let finding = findings.add(
            Subject::Relation(table.name.clone()),
            format!("table \"{}\" has {count} indexes that guard nothing", table.name.plain()),
        );
        finding.hint("Drop those that are not read, and join those that begin alike.");
        finding.experiment(IndexCost { table: table.name.clone() });
    }
}
