//! A query is run once for each row of another (N + 1).
//!
//! ```sql,invalid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table customers (id bigint primary key, name text);
//! create table orders (id bigint primary key, customer bigint references customers);
//! create index on orders (customer);
//! insert into customers select n, 'x' from generate_series(1, 3000) n;
//! insert into orders select n, n from generate_series(1, 3000) n;
//! select customer from orders;
//! do $$ begin
//!     for n in 1..3000 loop
//!         execute 'select name from customers where id = $1' using n;
//!     end loop;
//! end $$;
//! ```
//!
//! A lookup that is no part of a loop, a join, and a query that happens to give as many rows of a
//! table that has nothing to do with it:
//!
//! ```sql,valid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table customers (id bigint primary key, name text);
//! create table orders (id bigint primary key, customer bigint references customers);
//! create index on orders (customer);
//! create table countries (id bigint primary key);
//! insert into customers select n, 'x' from generate_series(1, 3000) n;
//! insert into orders select n, n from generate_series(1, 500) n;
//! insert into countries select generate_series(1, 2500);
//! select o.id, c.name from orders o join customers c on c.id = o.customer;
//! select id from orders;
//! select id from countries;
//! do $$ begin
//!     for n in 1..2500 loop
//!         execute 'select name from customers where id = $1' using n;
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

use howdah_catalog::{Literal, Relation};
use howdah_sql::search::{Search, search};

use crate::facts::{Facts, WorkloadStatement};
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::workload;

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

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(catalog), Some(in_use)) = (&facts.catalog, &facts.in_use) else { return };
    let read: Vec<(&WorkloadStatement, Search, &Relation)> = in_use
        .workload
        .iter()
        .flatten()
        .filter_map(|statement| {
            let search = search(&statement.query).filter(|search| search.set.is_empty())?;
            let table = workload::table(catalog, &search)?;
            statement
                .query
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("select")
                .then_some((statement, search, table))
        })
        .collect();
    for (inner, search, table) in &read {
        let [column] = search.equal.as_slice() else { continue };
        if inner.calls < LEAST {
            continue;
        }
        let outer = read.iter().find(|(outer, _, other)| {
            // A hundredth may have been counted out by a restart or a filter.
            let near = (outer.rows - inner.calls).abs() <= inner.calls / 100;
            near && outer.calls.saturating_mul(ROWS_PER_CALL) <= inner.calls
                && outer.query != inner.query
                && is_bound((table, column), other)
        });
        let Some((outer, ..)) = outer else { continue };
        let (inner_text, outer_text) =
            (workload::shown(&inner.query), workload::shown(&outer.query));
        let sql = format!(
            "select i.calls, o.rows from {view} i, {view} o\n  \
             where i.query = {} and o.query = {} and abs(o.rows - i.calls) <= i.calls / 100",
            Literal(&inner.query),
            Literal(&outer.query),
            view = inner.view
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

/// Whether a foreign key binds the searched column to the other table, one way or the other.
fn is_bound((table, column): (&Relation, &str), other: &Relation) -> bool {
    let to_other = table.constraints.iter().any(|key| {
        key.references.as_ref() == Some(&other.name)
            && key.columns.iter().any(|name| name.as_str() == column)
    });
    to_other
        || other.constraints.iter().any(|key| {
            key.references.as_ref() == Some(&table.name)
                && key.referenced_columns.iter().any(|name| name.as_str() == column)
        })
}
