//! A column that changes with every update is indexed, so no update is made in place.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, state text,
//!                      updated_at timestamptz not null default now());
//! create index orders_updated on orders (updated_at);
//! ```
//!
//! A summarizing index, and a time that is written once, cost nothing of the kind:
//!
//! ```sql,valid
//! create table orders (id bigint primary key, state text,
//!                      created_at timestamptz not null default now(),
//!                      updated_at timestamptz not null default now());
//! create index orders_created on orders (created_at);
//! create index orders_updated on orders using brin (updated_at);
//! ```
//!
//! ## Why
//!
//! An update whose columns are in no index is made in place (a heap-only tuple): it writes no
//! index, and the old row is cleaned up by the next reader. One indexed column that always changes
//! takes this from every update, and all indexes of the table grow. The review updates made-up rows
//! with and without the index, and tells how many were made in place.
//!
//! ## Instead
//!
//! Drop the index if only people look by it. If rows are fetched by it again and again, as for a
//! copy elsewhere, write changes to a stream of their own.

use crate::experiment::{UpdateCost, holds, is_time_of_update};
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0407",
    name: "index-on-updated-time",
    level: Level::Notice,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_on_updated_time.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for column in &table.columns {
            if !is_time_of_update(column) {
                continue;
            }
            let Some(index) = table.indexes.iter().find(|index| holds(index, column)) else {
                continue;
            };
            let finding = findings.add(
                Subject::Index(table.name.clone(), index.name.clone()),
                format!(
                    "index \"{}\" of \"{}\" keeps updates from being made in place",
                    index.name.as_str(),
                    table.name.plain()
                ),
            );
            finding.detail(format!("Each update changes \"{}\".", column.name.as_str()));
            finding.hint("Drop the index, or keep what changed in a stream of its own.");
            finding.experiment(UpdateCost {
                table: table.name.clone(),
                column: column.name.as_str().to_owned(),
            });
        }
    }
}
