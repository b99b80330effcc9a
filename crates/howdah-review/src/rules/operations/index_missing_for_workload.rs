//! A statement that is run often reads a whole table, and an index makes the workload cheaper: it
//! was built on the copy, with rows made after the statistics, and the statement was run with and
//! without it.
//!
//! ```sql,invalid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, customer bigint not null, total numeric not null);
//! insert into orders select n, n % 5000, n from generate_series(1, 40000) n;
//! analyze orders;
//! do $$ declare x numeric; begin
//!     for n in 1..300 loop
//!         execute 'select sum(total) from orders where customer = $1' into x using n;
//!     end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! An index that begins with the column is there; a column of two values is not worth one; and a
//! statement that was run a few times is no workload:
//!
//! ```sql,valid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, customer bigint not null, paid boolean not null,
//!                      total numeric not null);
//! insert into orders select n, n % 5000, n % 2 = 0, n from generate_series(1, 40000) n;
//! create index on orders (customer);
//! analyze orders;
//! select count(*) from orders where total = 17;
//! do $$ declare x numeric; begin
//!     for n in 1..60 loop
//!         execute 'select count(*) from orders where customer = $1' into x using n;
//!         execute 'select sum(id) from orders where paid = $1' into x using true;
//!     end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! A scan of the table grows with the table. An index costs each write; it is proposed only when
//! what it saves is more than that, by the calls and writes that the server has counted.
//!
//! ## Instead
//!
//! `create index concurrently`.

use howdah_catalog::name::list;
use howdah_catalog::{Catalog, Ident, RelName, Relation, RelationKind};
use howdah_sql::search::{Search, search};

use crate::experiment::WorkloadIndex;
use crate::facts::{Facts, WorkloadStatement};
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::workload;

pub(super) const RULE: Rule = Rule {
    code: "HR1112",
    name: "index-missing-for-workload",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("index_missing_for_workload.rs"),
    check,
};

/// A search that finds a larger part of the table than one of so many reads it as fast whole.
const LEAST_VALUES: f64 = 20.0;
/// Smaller tables are read faster than they are looked up.
const LEAST_ROWS: f64 = 10_000.0;
/// Fewer calls are no workload.
const LEAST_CALLS: i64 = 50;

/// An index that a statement lacks.
struct Proposal<'f> {
    table: RelName,
    columns: Vec<Ident>,
    search: Search,
    statement: &'f WorkloadStatement,
}

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(catalog), Some(in_use)) = (&facts.catalog, &facts.in_use) else { return };
    let mut proposals: Vec<Proposal<'_>> = Vec::new();
    let often = in_use.workload.iter().flatten().filter(|s| s.calls >= LEAST_CALLS);
    for proposal in often.filter_map(|statement| proposal(catalog, statement)) {
        // The statements come by their time; a later one is served by what begins in the same way.
        let served = proposals.iter().any(|other| {
            other.table == proposal.table
                && (other.columns.starts_with(&proposal.columns)
                    || proposal.columns.starts_with(&other.columns))
        });
        if !served {
            proposals.push(proposal);
        }
    }
    for proposal in proposals {
        let (table, columns) = (&proposal.table, &proposal.columns);
        let names = list(columns.iter().map(Ident::as_str));
        let sql = format!("create index concurrently on {table} ({})", list(columns));
        findings
            .add(
                Subject::Named("search", format!("{} by {names}", table.plain())),
                format!("no index helps to search \"{}\" by {names}", table.plain()),
            )
            .detail(format!("{}.", workload::shown(&proposal.statement.query)))
            .experiment(WorkloadIndex {
                table: proposal.table.clone(),
                columns: proposal.columns.clone(),
                search: proposal.search,
                statement: proposal.statement.clone(),
            })
            .fix(vec![sql]);
    }
}

/// The columns of equality, then the one of order or of a range.
fn proposal<'f>(catalog: &Catalog, statement: &'f WorkloadStatement) -> Option<Proposal<'f>> {
    let search = search(&statement.query)?;
    let table = workload::table(catalog, &search)?;
    let whole = table.kind == RelationKind::Table && table.partition_of.is_none();
    if !whole || table.stats.estimated_rows < LEAST_ROWS || is_indexed(table, &search) {
        return None;
    }
    if search.range.is_none() && values(table, &search) < LEAST_VALUES {
        return None;
    }
    let then = search.order.as_ref().or(search.range.as_ref());
    let then = then.filter(|column| !search.equal.contains(column));
    let columns: Vec<Ident> =
        search.equal.iter().chain(then).map(|name| Ident::new(name.as_str())).collect();
    let known = columns.iter().all(|column| table.column(column.as_str()).is_some());
    let searched = !search.equal.is_empty() || search.range.is_some();
    (known && searched).then(|| Proposal { table: table.name.clone(), columns, search, statement })
}

/// How many values the columns of equality have together, at most: as `n_distinct` says of each.
fn values(table: &Relation, search: &Search) -> f64 {
    let of = |name: &String| {
        let known = table.column(name).and_then(|column| column.n_distinct).map(f64::from);
        known.map_or(1.0, |n| if n < 0.0 { -n * table.stats.estimated_rows } else { n })
    };
    search.equal.iter().map(of).product()
}

fn is_indexed(table: &Relation, search: &Search) -> bool {
    let range = search.range.iter().filter(|_| search.equal.is_empty());
    let sought: Vec<&String> = search.equal.iter().chain(range).collect();
    table.indexes.iter().any(|index| {
        let first = index.columns.first().and_then(|column| column.column.as_ref());
        let helps = |first: &Ident| sought.iter().any(|name| name.as_str() == first.as_str());
        index.predicate.is_none() && first.is_some_and(helps)
    })
}
