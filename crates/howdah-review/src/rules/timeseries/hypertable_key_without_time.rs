//! A table with a key that lacks the time column is made a hypertable.
//!
//! ```sql,invalid,extension
//! create table readings (id bigint primary key, at timestamptz not null, value numeric);
//! select create_hypertable('readings', 'at');
//! ```
//!
//! ```sql,valid,extension
//! create table readings (id bigint, at timestamptz not null, value numeric, primary key (id, at));
//! select create_hypertable('readings', by_range('at'));
//! ```
//!
//! ## Why
//!
//! TimescaleDB refuses it: every unique index of a hypertable must hold the column by which it is
//! cut. It was tried with TimescaleDB 2.22; the review has no TimescaleDB and knows the call by its
//! text.
//!
//! ## Instead
//!
//! Put the time behind the key. A stream of howdah does this itself: its key is what names an event
//! to its producer, and the time goes behind it.

use howdah_catalog::IndexColumn;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::hypertable::hypertables;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1205",
    name: "hypertable-key-without-time",
    level: Level::Error,
    group: Group::Timeseries,
    needs: &[Needs::Statements, Needs::Build],
    source: include_str!("hypertable_key_without_time.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for hypertable in hypertables(facts) {
        let table = facts.tables().find(|table| table.name.name.as_str() == hypertable.table);
        let Some(table) = table else { continue };
        let without = table.indexes.iter().find(|index| {
            let holds = |key: &IndexColumn| {
                key.column.as_ref().is_some_and(|column| column.as_str() == hypertable.time)
            };
            index.unique && !index.columns.iter().any(holds)
        });
        let Some(index) = without else { continue };
        findings
            .add(
                Subject::Statement(hypertable.statement),
                format!(
                    "unique index \"{}\" lacks the time of the hypertable \"{}\"",
                    index.name.as_str(),
                    hypertable.table
                ),
            )
            .hint(format!("Put \"{}\" behind the columns of the key.", hypertable.time))
            .estimated("what TimescaleDB 2.22 refuses");
    }
}
