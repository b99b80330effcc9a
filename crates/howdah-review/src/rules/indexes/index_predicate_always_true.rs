//! A partial index leaves out nulls of columns that have none.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, customer bigint not null);
//! create index orders_customer on orders (customer) where customer is not null;
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, customer bigint not null, paid date);
//! create index orders_paid on orders (customer) where paid is not null;
//! create index orders_both on orders (customer, id) where customer is not null and paid is null;
//! ```
//!
//! ## Why
//!
//! The predicate leaves nothing out, so it saves nothing. Often the column may be null elsewhere,
//! or was to be: the index tells that somebody took it for one that may.
//!
//! ## Instead
//!
//! The index without the predicate.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0413",
    name: "index-predicate-always-true",
    level: Level::Info,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_predicate_always_true.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for index in &table.indexes {
            let Some(predicate) = &index.predicate else { continue };
            // PostgreSQL prints a name without quotes where it can.
            let printed = |name: &str| format!("({name} IS NOT NULL)") == *predicate;
            let required = table.columns.iter().find(|column| {
                column.not_null
                    && (printed(column.name.as_str()) || printed(&column.name.to_string()))
            });
            let Some(column) = required else { continue };
            findings
                .add(
                    Subject::Index(table.name.clone(), index.name.clone()),
                    format!("index \"{}\" leaves nothing out", index.name.as_str()),
                )
                .detail(format!("\"{}\" cannot be null.", column.name.as_str()))
                .hint("Make it without the predicate.")
                .proved(proof::index(
                    table,
                    index,
                    &format!(
                        "pg_get_expr(i.indpred, i.indrelid) = {}\n  and exists (select from \
                         pg_attribute a where a.attrelid = i.indrelid\n    \
                         and a.attname = {} and a.attnotnull)",
                        Literal(predicate),
                        Literal(column.name.as_str())
                    ),
                ));
        }
    }
}
