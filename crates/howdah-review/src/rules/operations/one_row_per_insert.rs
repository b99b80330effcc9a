//! Rows are inserted one a statement, many within a transaction.
//!
//! ```sql,invalid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table ticks (id bigint, price numeric);
//! do $$ begin
//!     for n in 1..12000 loop
//!         insert into ticks values (n, 1.5);
//!     end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! One row for each request is what a shop does; and many rows of one statement are the cure:
//!
//! ```sql,valid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table ticks (id bigint, price numeric);
//! create table orders (id bigint, total numeric);
//! insert into ticks select n, 1.5 from generate_series(1, 12000) n;
//! set synchronous_commit = off;
//! do $$ begin
//!     for n in 1..12000 loop
//!         insert into orders values (n, 1.5);
//!         commit;
//!     end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! Each is a round trip. With batches of a hundred rows ten times as many were written in the same
//! time, with `copy` twenty times.
//!
//! ## Instead
//!
//! `insert … select unnest($1), …`, several rows of values, or `copy`; a stream of howdah batches
//! by itself.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::workload;

pub(super) const RULE: Rule = Rule {
    code: "HR1110",
    name: "one-row-per-insert",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("one_row_per_insert.rs"),
    check,
};

/// Fewer calls are nobody's trouble.
const LEAST: i64 = 10_000;

/// So many in a transaction are a loop.
const PER_COMMIT: i64 = 10;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let Some(counters) = &in_use.health.counters else { return };
    let least = LEAST.max(counters.commits.saturating_mul(PER_COMMIT));
    for statement in in_use.workload.iter().flatten() {
        let insert = statement.query.trim_start().to_ascii_lowercase().starts_with("insert");
        if !insert || statement.calls < least || statement.rows != statement.calls {
            continue;
        }
        let shown = workload::shown(&statement.query);
        let sql = format!(
            "select s.calls, d.xact_commit from {} s\n  \
             join pg_stat_database d on d.datid = s.dbid and d.datname = current_database()\n  \
             where s.query = {} and s.rows = s.calls and s.calls > d.xact_commit",
            statement.view,
            Literal(&statement.query)
        );
        findings
            .add(
                Subject::Named("statement", shown.clone()),
                format!("{} rows were inserted one a statement", statement.rows),
            )
            .detail(format!(
                "{shown}: {:.0} ms in all; the database has committed {} transactions.",
                statement.total_ms, counters.commits
            ))
            .hint("Insert many rows with one statement, or copy them.")
            .proved(Reproducer::query(sql));
    }
}
