//! A query is run once for each row of another (N + 1).
//!
//! ```sql,invalid,live
//! -- server: shared_preload_libraries = pg_stat_statements
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table customers (id bigint primary key, name text);
//! create table orders (id bigint primary key, customer bigint);
//! insert into customers select n, 'x' from generate_series(1, 3000) n;
//! insert into orders select n, n from generate_series(1, 3000) n;
//! select customer from orders;
//! do $$ begin
//!     for n in 1..3000 loop
//!         perform name from customers where id = n;
//!     end loop;
//! end $$;
//! ```
//!
//! A lookup that is no part of a loop, and a join:
//!
//! ```sql,valid,live
//! -- server: shared_preload_libraries = pg_stat_statements
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table customers (id bigint primary key, name text);
//! create table orders (id bigint primary key, customer bigint);
//! insert into customers select n, 'x' from generate_series(1, 3000) n;
//! insert into orders select n, n from generate_series(1, 500) n;
//! select o.id, c.name from orders o join customers c on c.id = o.customer;
//! do $$ begin
//!     for n in 1..2500 loop
//!         perform name from customers where id = n;
//!     end loop;
//! end $$;
//! ```
//!
//! ## Why
//!
//! Each is a round trip; a join, or one query with `= any ($1)`, is one for all of them.
//!
//! ## Instead
//!
//! A join, or `where id = any ($1)` with the ids of all rows.

use crate::facts::WorkloadStatement;
use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1111",
    name: "query-per-row",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("query_per_row.rs"),
    check,
};

/// Fewer calls are nobody's trouble.
const LEAST: i64 = 1_000;
/// The outer query is run at most once for so many of the inner.
const ROWS_PER_CALL: i64 = 5;
/// Of the text, as much as tells it apart.
const SHOWN: usize = 120;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let workload = facts.in_use.as_ref().and_then(|in_use| in_use.workload.as_deref());
    let Some(workload) = workload else { return };
    for inner in workload.iter().filter(|statement| looks_up(statement)) {
        let outer = workload.iter().find(|outer| {
            // A hundredth may have been counted out by a restart or a filter.
            let near = (outer.rows - inner.calls).abs() <= inner.calls / 100;
            reads(outer) && near && outer.calls.saturating_mul(ROWS_PER_CALL) <= inner.calls
        });
        let Some(outer) = outer else { continue };
        let (inner_text, outer_text) = (shown(inner), shown(outer));
        let sql = format!(
            "select i.calls, o.rows from pg_stat_statements i, pg_stat_statements o\n  \
             where i.query = {} and o.query = {} and abs(o.rows - i.calls) <= i.calls / 100",
            Literal(&inner.query),
            Literal(&outer.query)
        );
        findings
            .add(
                Subject::Named("statement", inner_text.clone()),
                format!("a query was run {} times, as often as another gave rows", inner.calls),
            )
            .detail(format!(
                "{inner_text}: {} calls; {outer_text}: {} rows of {} calls.",
                inner.calls, outer.rows, outer.calls
            ))
            .hint("Join them, or look all of them up at once with = any ($1).")
            .proved(Reproducer::query(sql));
    }
}

fn reads(statement: &WorkloadStatement) -> bool {
    let text = statement.query.trim_start().to_ascii_lowercase();
    text.starts_with("select") && text.contains(" from ")
}

/// One row at most, by a key.
fn looks_up(statement: &WorkloadStatement) -> bool {
    let text = statement.query.to_ascii_lowercase();
    reads(statement)
        && statement.calls >= LEAST
        && statement.rows <= statement.calls
        && text.contains(" where ")
        && text.contains("= ")
        && !text.contains("any")
}

fn shown(statement: &WorkloadStatement) -> String {
    statement.query.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect()
}
