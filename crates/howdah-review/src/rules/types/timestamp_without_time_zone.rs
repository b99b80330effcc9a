//! A column keeps a time without saying in which time zone.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, made timestamp not null default now());
//! ```
//!
//! A local time whose zone is kept beside it is meant so:
//!
//! ```sql,valid
//! create table orders (id bigint primary key, made timestamptz not null default now());
//! create table stores (id bigint primary key, opens timestamp not null, time_zone text not null);
//! ```
//!
//! ## Why
//!
//! What is written depends on the `TimeZone` of the session that writes, and what is read is taken
//! for the zone of the session that reads. With two of them, or over a change of summer time, the
//! same value is another moment.
//!
//! ## Instead
//!
//! `timestamptz`: eight bytes too, and a moment whatever the session says. Changing a column needs
//! to know in which zone the old values were meant (`using made at time zone 'UTC'`), and writes
//! the table anew unless the session's zone is UTC.

use howdah_catalog::{Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0301",
    name: "timestamp-without-time-zone",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("timestamp_without_time_zone.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        let is_table = matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable);
        let zone = |name: &str| name.ends_with("zone") || name == "tz" || name.ends_with("_tz");
        let has_zone = table.columns.iter().any(|column| zone(column.name.as_str()));
        if !is_table || table.partition_of.is_some() || has_zone {
            continue;
        }
        for column in table.columns.iter().filter(|column| column.type_base == "timestamp") {
            let sql = format!(
                "select attname, format_type(atttypid, atttypmod) from pg_attribute\n  \
                 where attrelid = {}::regclass and attname = {}\n  \
                 and atttypid = 'timestamp'::regtype",
                Literal(&table.name.to_string()),
                Literal(column.name.as_str())
            );
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!("column \"{}\" keeps times without a time zone", column.name.as_str()),
                )
                .hint("Use timestamptz.")
                .proved(Reproducer::query(sql));
        }
    }
}
