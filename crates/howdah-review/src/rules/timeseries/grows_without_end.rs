//! Rows with a time are inserted and none was ever deleted, in a table that is one piece.
//!
//! ```sql,invalid,live
//! create table reading (sensor int, at timestamptz not null default now(), value float8);
//! insert into reading (sensor, value) select n % 10, n from generate_series(1, 120000) n;
//! select pg_stat_force_next_flush();
//! ```
//!
//! What is partitioned can be dropped by the part, what is deleted from has its retention, and a
//! table without a time is no history:
//!
//! ```sql,valid,live
//! create table reading (sensor int, at timestamptz not null default now(), value float8)
//!   partition by range (at);
//! create table reading_all partition of reading default;
//! create table kept (sensor int, at timestamptz not null default now());
//! create table part (id bigint primary key, name text);
//! insert into reading (sensor, value) select n % 10, n from generate_series(1, 120000) n;
//! insert into kept (sensor) select n from generate_series(1, 120000) n;
//! delete from kept where sensor < 5000;
//! insert into part select n, 'x' from generate_series(1, 120000) n;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! Its size has no bound but the disk, and the first deletion of what is too old will read and
//! bloat all of it. It is told from the counters: a hundred thousand rows were inserted, and none
//! was updated or deleted since they count.
//!
//! ## Instead
//!
//! Say how long rows are kept, and partition by the time, so that a part is dropped in a moment. As
//! a stream of howdah: `retention = "…"`; the lines are in the hint.

use howdah_catalog::{Column, Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1209",
    name: "grows-without-end",
    level: Level::Notice,
    group: Group::Timeseries,
    needs: &[Needs::Catalog, Needs::Statistics],
    source: include_str!("grows_without_end.rs"),
    check,
};

/// Fewer rows may be a beginning.
const ROWS: i64 = 100_000;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables().filter(|table| table.kind == RelationKind::Table) {
        let stats = &table.stats;
        let time = |column: &&Column| column.type_base.starts_with("timestamp") && column.not_null;
        let Some(time) = table.columns.iter().find(time) else { continue };
        if stats.inserted < ROWS || stats.updated > 0 || stats.deleted > 0 {
            continue;
        }
        let sql = format!(
            "select n_tup_ins from pg_stat_user_tables where relid = {}::regclass\n  \
             and n_tup_ins >= {ROWS} and n_tup_upd = 0 and n_tup_del = 0",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("\"{}\" grows and nothing takes from it", table.name.plain()),
            )
            .detail(format!(
                "{} rows were inserted since the counters count, and none was deleted.",
                stats.inserted
            ))
            .hint(format!(
                "In the system file: [streams.{}] time = \"{}\", retention = \"2 years\".",
                table.name.name.as_str(),
                time.name.as_str()
            ))
            .proved(Reproducer::query(sql));
    }
}
