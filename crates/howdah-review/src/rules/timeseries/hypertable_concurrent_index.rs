//! An index of a hypertable is built concurrently.
//!
//! ```sql,invalid,extension
//! create table readings (at timestamptz not null, value numeric);
//! select create_hypertable('readings', 'at');
//! create index concurrently readings_value on readings (value);
//! ```
//!
//! ```sql,valid,extension
//! create table readings (at timestamptz not null, value numeric);
//! select create_hypertable('readings', 'at');
//! create index readings_value on readings (value) with (timescaledb.transaction_per_chunk);
//! create table sites (id bigint primary key, name text);
//! create index concurrently sites_name on sites (name);
//! ```
//!
//! ## Why
//!
//! TimescaleDB refuses it (tried with 2.22).
//!
//! ## Instead
//!
//! `with (timescaledb.transaction_per_chunk)`: it locks one chunk at a time.

use howdah_sql::command::Command;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::hypertable::hypertables;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1208",
    name: "hypertable-concurrent-index",
    level: Level::Error,
    group: Group::Timeseries,
    needs: &[Needs::Statements],
    source: include_str!("hypertable_concurrent_index.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let made = hypertables(facts);
    for (id, statement) in facts.statements() {
        let Command::CreateIndex(index) = &statement.command else { continue };
        let before = made
            .iter()
            .any(|hypertable| hypertable.statement < id && hypertable.table == index.table.last());
        if index.concurrently && before {
            findings
                .add(
                    Subject::Statement(id),
                    format!(
                        "an index of the hypertable \"{}\" is built concurrently",
                        index.table.last()
                    ),
                )
                .hint("Use with (timescaledb.transaction_per_chunk).")
                .estimated("what TimescaleDB 2.22 refuses");
        }
    }
}
