//! A table has more than a thousand parts.
//!
//! ```sql,invalid
//! create table log (id bigint not null, at date not null) partition by range (at);
//! do $$ begin
//!   for n in 0..1000 loop
//!     execute format('create table log_%s partition of log for values from (%L) to (%L)',
//!                    n, date '2026-01-01' + n, date '2026-01-01' + n + 1);
//!   end loop;
//! end $$;
//! ```
//!
//! ```sql,valid
//! create table log (id bigint not null, at date not null) partition by range (at);
//! do $$ begin
//!   for n in 0..30 loop
//!     execute format('create table log_%s partition of log for values from (%L) to (%L)',
//!                    n, date '2026-01-01' + n * 30, date '2026-01-01' + n * 30 + 30);
//!   end loop;
//! end $$;
//! ```
//!
//! ## Why
//!
//! A query that does not say a time is planned over all of them, opens and locks each, and looks
//! into each one's index: planning alone takes tens of milliseconds and memory in every session.
//!
//! ## Instead
//!
//! Wider parts for old times, retention, and queries that name a time.

use std::collections::BTreeMap;

use howdah_catalog::{Literal, RelName, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1203",
    name: "partitions-too-many",
    level: Level::Notice,
    group: Group::Timeseries,
    needs: &[Needs::Catalog],
    source: include_str!("partitions_too_many.rs"),
    check,
};

/// Parts from which it is told.
const MANY: usize = 1_000;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    let mut counts: BTreeMap<&RelName, usize> = BTreeMap::new();
    for part in catalog.relations.values().filter(|r| r.kind == RelationKind::Table) {
        if let Some(of) = &part.partition_of {
            *counts.entry(&of.parent).or_default() += 1;
        }
    }
    for (table, count) in counts.into_iter().filter(|(_, count)| *count > MANY) {
        findings
            .add(
                Subject::Relation(table.clone()),
                format!("table \"{}\" has {count} parts", table.plain()),
            )
            .hint("Use wider parts, or drop the old ones.")
            .proved(Reproducer::query(format!(
                "select 'many' from pg_inherits where inhparent = {}::regclass\n  \
                 having count(*) > {MANY}",
                Literal(&table.to_string())
            )));
    }
}
