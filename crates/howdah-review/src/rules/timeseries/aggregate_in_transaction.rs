//! A continuous aggregate is made with data in a migration that is one transaction.
//!
//! ```sql,invalid,extension
//! -- file: V1__readings.sql
//! create table readings (at timestamptz not null, value numeric);
//! select create_hypertable('readings', 'at');
//! create materialized view readings_hourly with (timescaledb.continuous) as
//! select time_bucket('1 hour', at) as hour, sum(value) from readings group by 1;
//! ```
//!
//! ```sql,valid,extension
//! -- file: V1__readings.sql
//! create table readings (at timestamptz not null, value numeric);
//! select create_hypertable('readings', 'at');
//! create materialized view readings_hourly with (timescaledb.continuous) as
//! select time_bucket('1 hour', at) as hour, sum(value) from readings group by 1
//! with no data;
//! ```
//!
//! ## Why
//!
//! TimescaleDB refuses it in a transaction block, in which the tool runs the whole file.
//!
//! ## Instead
//!
//! `with no data`, and a refresh policy. A rollup of howdah is right at every commit and is
//! computed from the stream range by range.

use howdah_sql::command::Command;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1207",
    name: "aggregate-in-transaction",
    level: Level::Error,
    group: Group::Timeseries,
    needs: &[Needs::Statements],
    source: include_str!("aggregate_in_transaction.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::CreateView(view) = &statement.command else { continue };
        let text = facts.text(id).to_ascii_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let text = words.join(" ");
        if !text.contains("timescaledb.continuous")
            || text.ends_with("with no data")
            || !facts.files[statement.file].transactional
        {
            continue;
        }
        findings
            .add(
                Subject::Statement(id),
                format!("continuous aggregate \"{}\" is filled in a transaction", view.name.last()),
            )
            .hint("Make it with no data, and add a refresh policy.")
            .estimated("what TimescaleDB 2.22 refuses");
    }
}
