//! An index is called covering and includes no column.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, customer bigint, at date);
//! create index orders_customer_covering on orders (customer);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, customer bigint, at date, recovered date);
//! create index orders_customer_covering on orders (customer) include (at);
//! create index orders_recovered on orders (recovered);
//! ```
//!
//! ## Why
//!
//! A query is answered from an index alone only if the index holds all its columns. The name says
//! so, and the definition does not do it.
//!
//! ## Instead
//!
//! `include` the columns that the query selects, or give it another name.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0408",
    name: "covering-without-include",
    level: Level::Info,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("covering_without_include.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for index in table.indexes.iter().filter(|index| index.include.is_empty()) {
            let named = index.name.as_str().split('_').any(|w| matches!(w, "covering" | "cover"));
            if !named || index.columns.len() > 2 {
                continue;
            }
            findings
                .add(
                    Subject::Index(table.name.clone(), index.name.clone()),
                    format!(
                        "index \"{}\" is called covering and includes nothing",
                        index.name.as_str()
                    ),
                )
                .hint("Include the columns that its query selects.")
                .proved(proof::index(table, index, "i.indnatts = i.indnkeyatts"));
        }
    }
}
