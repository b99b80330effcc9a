//! The parts of a table by time end before today, and there is no default part.
//!
//! ```sql,invalid
//! create table log (id bigint not null, at timestamptz not null) partition by range (at);
//! create table log_2025 partition of log for values from ('2025-01-01') to ('2026-01-01');
//! ```
//!
//! Parts that a function makes, a default part, and parts ahead are fine:
//!
//! ```sql,valid
//! create table log (id bigint not null, at timestamptz not null) partition by range (at);
//! create table log_later partition of log for values from ('2026-01-01') to ('2100-01-01');
//! create table events (id bigint not null, at timestamptz not null) partition by range (at);
//! create table events_2025 partition of events for values from ('2025-01-01') to ('2026-01-01');
//! create table events_rest partition of events default;
//! create table steps (n int not null) partition by range (n);
//! create table steps_1 partition of steps for values from (1) to (100);
//! ```
//!
//! ```sql,valid
//! create table log (id bigint not null, at timestamptz not null) partition by range (at);
//! create table log_2025 partition of log for values from ('2025-01-01') to ('2026-01-01');
//! create function make_parts(day date) returns void language plpgsql as $$
//! begin
//!   execute format('create table %I partition of log for values from (%L) to (%L)',
//!                  'log_' || to_char(day, 'YYYYMMDD'), day, day + 1);
//! end $$;
//! ```
//!
//! ## Why
//!
//! Every insert of a row of now fails: "no partition of relation found for row".
//!
//! ## Instead
//!
//! Make parts ahead, by a job that is watched. As a stream of howdah they are made by `howdah
//! apply` and `howdah run`; the lines are in the hint.

use howdah_catalog::{Bound, Catalog, Ident, Literal, PartitionKey, PartitionStrategy, Relation};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1201",
    name: "partitions-end",
    level: Level::Error,
    group: Group::Timeseries,
    needs: &[Needs::Catalog],
    source: include_str!("partitions_end.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    // Files that can make parts do so when they run, which a built database has not seen.
    if facts.today.is_empty() || (!facts.live && makes_parts(catalog)) {
        return;
    }
    for table in catalog.relations.values() {
        let Some(time) = time_key(table) else { continue };
        let has_default =
            table.partitioning.as_ref().is_some_and(|by| by.default_partition.is_some());
        let Some(end) = end(catalog, table).filter(|_| !has_default) else { continue };
        if end.as_str() > facts.today.as_str() {
            continue;
        }
        let finding = findings.add(
            Subject::Relation(table.name.clone()),
            format!("the parts of \"{}\" end at {end}", table.name.plain()),
        );
        finding.detail("An insert of a row of today fails.");
        finding.hint(format!(
            "Make parts ahead; or in the system file: [streams.{}] time = \"{}\".",
            table.name.name.as_str(),
            time.as_str()
        ));
        finding.proved(Reproducer::query(format!(
            "select c.relname from pg_class c where c.oid = {}::regclass\n  \
             and not exists (select from pg_inherits h join pg_class p on p.oid = h.inhrelid\n    \
             where h.inhparent = c.oid and (pg_get_expr(p.relpartbound, p.oid) = 'DEFAULT'\n    \
             or substring(pg_get_expr(p.relpartbound, p.oid)\n      \
             from 'TO \\(''([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}})') > {}))",
            Literal(&table.name.to_string()),
            Literal(&facts.today)
        )));
    }
}

/// The column of a range key when it is a time.
pub(super) fn time_key(table: &Relation) -> Option<&Ident> {
    let by = table.partitioning.as_ref()?;
    let [PartitionKey::Column(column)] = by.keys.as_slice() else { return None };
    let type_base = table.column(column.as_str())?.type_base.as_str();
    let time = by.strategy == PartitionStrategy::Range
        && matches!(type_base, "date" | "timestamp" | "timestamptz");
    time.then_some(column)
}

/// The greatest upper bound of its parts; none when there is no part or one without an end.
fn end(catalog: &Catalog, table: &Relation) -> Option<String> {
    let mut ends = Vec::new();
    for part in catalog.partitions_of(&table.name) {
        match part.partition_of.as_ref().map(|of| &of.bound) {
            Some(Bound::Range { to: Some(to), .. }) => ends.push(to.clone()),
            _ => return None,
        }
    }
    ends.into_iter().max()
}

fn makes_parts(catalog: &Catalog) -> bool {
    catalog.extensions.keys().any(|name| name.as_str() == "pg_partman")
        || catalog
            .functions
            .iter()
            .any(|function| function.body.to_ascii_lowercase().contains("partition of"))
}
