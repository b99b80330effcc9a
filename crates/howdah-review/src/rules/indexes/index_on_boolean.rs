//! An index is on a boolean column alone.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, open boolean not null);
//! create index orders_open on orders (open);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, open boolean not null, at date);
//! create index orders_open on orders (at) where open;
//! create index orders_open_at on orders (open, at);
//! ```
//!
//! ## Why
//!
//! It has two values, so one of them is at least half of the table, for which the table is read
//! from end to end; each change of the column writes the index.
//!
//! ## Instead
//!
//! A partial index on the rows of the rare value, with a key that orders them.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0411",
    name: "index-on-boolean",
    level: Level::Info,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_on_boolean.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for index in &table.indexes {
            let [key] = index.columns.as_slice() else { continue };
            let boolean = key
                .column
                .as_ref()
                .and_then(|column| table.column(column.as_str()))
                .is_some_and(|column| column.type_base == "bool");
            if !boolean || index.unique || index.predicate.is_some() || !index.include.is_empty() {
                continue;
            }
            findings
                .add(
                    Subject::Index(table.name.clone(), index.name.clone()),
                    format!("index \"{}\" tells two values apart", index.name.as_str()),
                )
                .hint("Index the rows of the rare value, by a key that orders them.")
                .proved(proof::index(
                    table,
                    index,
                    "i.indpred is null and exists (\n    \
                     select from pg_attribute a where a.attrelid = i.indrelid\n      \
                     and a.attnum = i.indkey[0] and a.atttypid = 'bool'::regtype)",
                ));
        }
    }
}
