//! A partial index is on rows that the table's constraints do not allow.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, at date,
//!                      state text not null check (state in ('open', 'done')));
//! create index orders_pending on orders (at) where state = 'pending';
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, at date,
//!                      state text not null check (state in ('open', 'done')));
//! create index orders_open on orders (at) where state = 'open';
//! create index orders_none on orders (at) where state <> 'done';
//! ```
//!
//! ## Why
//!
//! It is empty for ever, so the query that it was made for reads the whole table. Most often the
//! value was renamed in the check and not in the index. The review asks the planner, which refutes
//! the predicate by the checks.
//!
//! ## Instead
//!
//! The value that the check allows.

use howdah_catalog::ConstraintKind;

use crate::experiment::Contradiction;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0410",
    name: "index-predicate-never-true",
    level: Level::Warning,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_predicate_never_true.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for index in &table.indexes {
            let Some(predicate) = &index.predicate else { continue };
            // Only a check on a column of the predicate can refute it.
            let checked = table.constraints.iter().any(|constraint| {
                constraint.kind == ConstraintKind::Check
                    && constraint.columns.iter().any(|column| predicate.contains(column.as_str()))
            });
            if !checked {
                continue;
            }
            let finding = findings.add(
                Subject::Index(table.name.clone(), index.name.clone()),
                format!("index \"{}\" can hold no row", index.name.as_str()),
            );
            finding.detail(format!("The checks of the table rule out {predicate}."));
            finding.hint("Use a value that the checks allow.");
            finding.experiment(Contradiction {
                table: table.name.clone(),
                predicate: predicate.clone(),
            });
        }
    }
}
