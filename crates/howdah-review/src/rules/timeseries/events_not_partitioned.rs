//! A table of events keeps all times in one piece.
//!
//! ```sql,invalid
//! create table sensor_readings (sensor text not null, at timestamptz not null,
//!                               value numeric not null,
//!                               primary key (sensor, at));
//! ```
//!
//! ```sql,valid
//! create table sensor_readings (sensor text not null, at timestamptz not null,
//!                               value numeric not null,
//!                               primary key (sensor, at)) partition by range (at);
//! create table sensor_readings_rest partition of sensor_readings default;
//! create table readings_count (sensor text primary key, n bigint not null,
//!                              updated_at timestamptz not null);
//! create table events (id bigint primary key, name text not null,
//!                      updated_at timestamptz not null);
//! ```
//!
//! ## Why
//!
//! By time in parts, what is new stays small enough for memory, old parts are dropped in a moment,
//! and no vacuum reads years of rows that never change. It is told by the name, and matters from
//! some millions of rows on: in a database in use with more than ten million rows it is a warning.
//!
//! ## Instead
//!
//! Partition it by its time. As a stream of howdah its chunks are made ahead, and the rows that are
//! there stay where they are; the lines are in the hint.

use howdah_catalog::{Column, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1204",
    name: "events-not-partitioned",
    level: Level::Info,
    group: Group::Timeseries,
    needs: &[Needs::Catalog],
    source: include_str!("events_not_partitioned.rs"),
    check,
};

/// Last words of the names of tables of events.
const EVENTS: &[&str] = &[
    "events",
    "fills",
    "logs",
    "measurements",
    "metrics",
    "points",
    "readings",
    "samples",
    "snapshots",
    "telemetry",
    "ticks",
    "trades",
];
/// Rows from which it matters.
const ROWS: f64 = 10_000_000.0;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables().filter(|table| table.kind == RelationKind::Table) {
        let last = table.name.name.as_str().rsplit('_').next().unwrap_or("");
        let time = |column: &&Column| {
            column.type_base.starts_with("timestamp")
                && column.not_null
                && !matches!(column.name.as_str(), "updated_at" | "modified_at")
        };
        let changes = table.column("updated_at").is_some() || table.column("modified_at").is_some();
        let Some(time) = table.columns.iter().find(time) else { continue };
        if !EVENTS.contains(&last) || changes {
            continue;
        }
        let finding = findings.add(
            Subject::Relation(table.name.clone()),
            format!("events of \"{}\" lie in one piece", table.name.plain()),
        );
        if facts.live && table.stats.estimated_rows > ROWS {
            finding.level(Level::Warning);
            finding.detail(format!("They are about {:.0} rows.", table.stats.estimated_rows));
        }
        finding.hint(format!(
            "In the system file: [streams.{}] time = \"{}\".",
            table.name.name.as_str(),
            time.name.as_str()
        ));
    }
}
