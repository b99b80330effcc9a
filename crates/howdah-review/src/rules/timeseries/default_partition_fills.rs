//! The default part of a table by time holds rows.
//!
//! ```sql,invalid,live
//! create table log (id bigint not null, at timestamptz not null) partition by range (at);
//! create table log_2025 partition of log for values from ('2025-01-01') to ('2026-01-01');
//! create table log_rest partition of log default;
//! insert into log select n, '2026-03-01' from generate_series(1, 100) n;
//! analyze log_rest;
//! ```
//!
//! ```sql,valid,live
//! create table log (id bigint not null, at timestamptz not null) partition by range (at);
//! create table log_2025 partition of log for values from ('2025-01-01') to ('2026-01-01');
//! create table log_rest partition of log default;
//! insert into log select n, '2025-03-01' from generate_series(1, 100) n;
//! analyze log_rest;
//! create table kinds (kind text not null) partition by list (kind);
//! create table kinds_rest partition of kinds default;
//! insert into kinds select 'a' from generate_series(1, 100) n;
//! analyze kinds_rest;
//! ```
//!
//! ## Why
//!
//! A new part for a time that has rows in the default part cannot be made: it fails, and to find
//! that out the default part is read under an exclusive lock. Queries by time read it each time.
//!
//! ## Instead
//!
//! Move the rows into a part of their own: detach the default part, make the missing parts, insert
//! its rows. As a stream of howdah, rows of a time without a part become dead letters.

use super::partitions_end::time_key;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1202",
    name: "default-partition-fills",
    level: Level::Warning,
    group: Group::Timeseries,
    needs: &[Needs::Catalog, Needs::Statistics],
    source: include_str!("default_partition_fills.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values().filter(|table| time_key(table).is_some()) {
        let default = table.partitioning.as_ref().and_then(|by| by.default_partition.as_ref());
        let Some(part) = default.and_then(|name| catalog.relation(name)) else { continue };
        let rows = part.stats.estimated_rows.max(part.stats.live_rows as f64);
        if rows < 1.0 {
            continue;
        }
        findings
            .add(
                Subject::Relation(part.name.clone()),
                format!("the default part of \"{}\" holds rows", table.name.plain()),
            )
            .detail(format!("They are about {rows:.0}."))
            .hint("Detach it, make the parts that are missing, and insert its rows.")
            .proved(Reproducer::query(format!("select 1 from only {} limit 1", part.name)));
    }
}
