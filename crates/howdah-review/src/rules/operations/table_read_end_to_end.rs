//! A table is read from end to end again and again, more often than by its indexes.
//!
//! ```sql,invalid,live
//! create table orders (id bigint primary key, code text not null);
//! insert into orders select n, n::text from generate_series(1, 20000) n;
//! do $$ begin
//!   for n in 1..120 loop perform from orders where code = n::text; end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! A few such reads are reports and backups, and a small table is best read so:
//!
//! ```sql,valid,live
//! create table orders (id bigint primary key, code text not null);
//! create table small (id bigint primary key, code text not null);
//! insert into orders select n, n::text from generate_series(1, 20000) n;
//! insert into small select n, n::text from generate_series(1, 200) n;
//! analyze orders;
//! do $$ begin
//!   for n in 1..120 loop
//!     perform from small where code = n::text;
//!     perform from orders where id = n;
//!     perform from orders where id = n + 1;
//!   end loop;
//!   for n in 1..20 loop perform from orders where code = n::text; end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! Some statement searches by what no index has. Where `pg_stat_statements` tells which, the index
//! is tried and proposed instead (`index-missing-for-workload`), and this is not told.
//!
//! ## Instead
//!
//! Install `pg_stat_statements`, and look again.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1123",
    name: "table-read-end-to-end",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("table_read_end_to_end.rs"),
    check,
};

/// A smaller table is read so in a moment.
const ROWS: i64 = 10_000;
/// Fewer reads are reports and backups.
const READS: i64 = 100;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    if facts.in_use.as_ref().is_none_or(|in_use| in_use.workload.is_some()) {
        return;
    }
    for table in catalog.relations.values() {
        let stats = &table.stats;
        if stats.live_rows < ROWS || stats.seq_scans < READS || stats.seq_scans <= stats.index_scans
        {
            continue;
        }
        let sql = format!(
            "select seq_scan, idx_scan from pg_stat_user_tables\n  \
             where relid = {}::regclass and n_live_tup >= {ROWS} and seq_scan >= {READS}\n  \
             and seq_scan > coalesce(idx_scan, 0)",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("\"{}\" is read from end to end again and again", table.name.plain()),
            )
            .detail(format!(
                "It was {} times, and {} times by an index; it has about {} rows.",
                stats.seq_scans, stats.index_scans, stats.live_rows
            ))
            .hint("Let pg_stat_statements say which statement it is.")
            .proved(Reproducer::query(sql));
    }
}
