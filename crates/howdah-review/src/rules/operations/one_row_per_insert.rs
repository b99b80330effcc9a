//! Rows are inserted one a statement, many times.
//!
//! ```sql,invalid,live
//! -- server: shared_preload_libraries = pg_stat_statements
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table ticks (id bigint, price numeric);
//! do $$ begin
//!     for n in 1..12000 loop
//!         insert into ticks values (n, 1.5);
//!     end loop;
//! end $$;
//! ```
//!
//! ```sql,valid,live
//! -- server: shared_preload_libraries = pg_stat_statements
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table ticks (id bigint, price numeric);
//! insert into ticks select n, 1.5 from generate_series(1, 12000) n;
//! do $$ begin
//!     for n in 1..100 loop
//!         insert into ticks values (n, 1.5);
//!     end loop;
//! end $$;
//! ```
//!
//! ## Why
//!
//! Each is a round trip and, unless they share a transaction, a wait for the disk. Batches of a
//! hundred rows wrote ten times as many, `copy` twenty times.
//!
//! ## Instead
//!
//! `insert … select unnest($1), …`, several rows of values, or `copy`; a stream of howdah batches
//! by itself.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

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
/// Of the text, as much as tells it apart.
const SHOWN: usize = 120;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let workload = facts.in_use.as_ref().and_then(|in_use| in_use.workload.as_ref());
    for statement in workload.into_iter().flatten() {
        let insert = statement.query.trim_start().to_ascii_lowercase().starts_with("insert");
        if !insert || statement.calls < LEAST || statement.rows != statement.calls {
            continue;
        }
        let shown: String = statement.query.chars().take(SHOWN).collect();
        let sql = format!(
            "select calls, rows from pg_stat_statements\n  \
             where query = {} and calls >= {LEAST} and rows = calls",
            Literal(&statement.query)
        );
        findings
            .add(
                Subject::Named("statement", shown.clone()),
                format!("{} rows were inserted one a statement", statement.rows),
            )
            .detail(format!("{shown}: {:.0} ms in all.", statement.total_ms))
            .hint("Insert many rows with one statement, or copy them.")
            .proved(Reproducer::query(sql));
    }
}
