//! A table with many rows has no statistics.
//!
//! ```sql,invalid,live
//! create table events (id bigint primary key) with (autovacuum_enabled = false);
//! insert into events select generate_series(1, 20000);
//! select pg_stat_force_next_flush();
//! ```
//!
//! ```sql,valid,live
//! create table events (id bigint primary key) with (autovacuum_enabled = false);
//! insert into events select generate_series(1, 20000);
//! analyze events;
//! create table few (id bigint primary key) with (autovacuum_enabled = false);
//! insert into few select generate_series(1, 10);
//! select pg_stat_force_next_flush();
//! ```
//!
//! Autovacuum analyzes partitions, never the partitioned table:
//!
//! ```sql,invalid,live
//! create table events (at date not null, n int) partition by range (at);
//! create table events_2026 partition of events
//!     for values from ('2026-01-01') to ('2027-01-01');
//! insert into events select date '2026-01-01' + n % 300, n from generate_series(1, 20000) n;
//! analyze events_2026;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! The planner guesses how many rows a condition leaves, and chooses joins by the guess.
//!
//! ## Instead
//!
//! `analyze` it, and see why autovacuum did not. A partitioned table needs a job that does so.

use howdah_catalog::{Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1103",
    name: "never-analyzed",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("never_analyzed.rs"),
    check,
};

/// Autovacuum analyzes a table of this size within its first minutes.
const LEAST: i64 = 10_000;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        let rows = match table.kind {
            RelationKind::Table => table.stats.live_rows,
            // Parts of parts are one level down, and are told there.
            RelationKind::PartitionedTable => {
                catalog.partitions_of(&table.name).map(|part| part.stats.live_rows).sum()
            }
            _ => continue,
        };
        if rows < LEAST || table.stats.estimated_rows >= 0.0 {
            continue;
        }
        let sql = format!(
            "select relname from pg_class where oid = {}::regclass and reltuples < 0",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("the planner knows nothing of \"{}\"", table.name.plain()),
            )
            .detail(format!("It holds about {rows} rows."))
            .hint(format!("Run: analyze {}.", table.name))
            .proved(Reproducer::query(sql));
    }
}
