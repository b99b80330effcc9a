//! A statement that is run often reads a whole table, and an index makes the workload cheaper: it
//! was built on the copy, with rows made after the statistics, and the statement was run with and
//! without it.
//!
//! ```sql,invalid,live
//! -- server: shared_preload_libraries = pg_stat_statements
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, customer bigint not null, total numeric not null);
//! insert into orders select n, n % 5000, n from generate_series(1, 60000) n;
//! analyze orders;
//! do $$ declare x numeric; begin
//!     for n in 1..400 loop
//!         execute 'select sum(total) from orders where customer = $1' into x using n;
//!     end loop;
//! end $$;
//! select pg_stat_force_next_flush();
//! ```
//!
//! An index that begins with the column is there; a column of two values is not worth one:
//!
//! ```sql,valid,live
//! -- server: shared_preload_libraries = pg_stat_statements
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, customer bigint not null, paid boolean not null);
//! insert into orders select n, n % 5000, n % 2 = 0 from generate_series(1, 60000) n;
//! create index on orders (customer);
//! analyze orders;
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
use howdah_catalog::{Catalog, Ident, Relation, RelationKind};

use crate::experiment::WorkloadIndex;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1112",
    name: "index-missing-for-workload",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("index_missing_for_workload.rs"),
    check,
};

/// Smaller tables are read faster than they are looked up.
const LEAST_ROWS: f64 = 10_000.0;
/// Fewer calls are no workload.
const LEAST_CALLS: i64 = 50;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(catalog), Some(in_use)) = (&facts.catalog, &facts.in_use) else { return };
    let mut seen = Vec::new();
    for statement in in_use.workload.iter().flatten().filter(|s| s.calls >= LEAST_CALLS) {
        let Some((table, columns)) = searched(catalog, &statement.query) else { continue };
        if table.stats.estimated_rows < LEAST_ROWS || is_indexed(table, &columns) {
            continue;
        }
        let key = (table.name.clone(), columns.clone());
        if seen.contains(&key) {
            continue;
        }
        seen.push(key);
        let names = list(columns.iter().map(Ident::as_str));
        let sql = format!("create index concurrently on {} ({})", table.name, list(&columns));
        findings
            .add(
                Subject::Named("search", format!("{} by {names}", table.name.plain())),
                format!("no index helps to search \"{}\" by {names}", table.name.plain()),
            )
            .experiment(WorkloadIndex {
                table: table.name.clone(),
                columns,
                statement: statement.clone(),
            })
            .fix(vec![sql]);
    }
}

/// The one table of a statement and the columns that it compares with parameters for equality.
fn searched<'a>(catalog: &'a Catalog, query: &str) -> Option<(&'a Relation, Vec<Ident>)> {
    let text = query.split_whitespace().collect::<Vec<_>>().join(" ");
    let lower = text.to_ascii_lowercase();
    let plain = lower.starts_with("select ")
        && lower.matches(" from ").count() == 1
        && lower.matches("select ").count() == 1
        && ![" join ", " or ", " union ", " for update"].iter().any(|word| lower.contains(word));
    if !plain {
        return None;
    }
    let from = lower.split_once(" from ")?.1;
    let (tables, condition) = from.split_once(" where ")?;
    if tables.contains(',') {
        return None;
    }
    let name = tables.split(' ').next()?.replace('"', "");
    let table = catalog.resolve(&name).or_else(|| {
        let mut named = catalog.relations.values().filter(|r| r.name.name.as_str() == name);
        named.next().filter(|_| named.next().is_none())
    })?;
    if table.kind != RelationKind::Table {
        return None;
    }
    let condition = condition.split(" order by ").next()?.split(" limit ").next()?;
    let condition = condition.split(" group by ").next()?;
    let mut columns = Vec::new();
    for part in condition.split(" and ") {
        let Some((left, right)) = part.split_once('=') else { continue };
        let column = left.trim().rsplit('.').next()?.replace('"', "");
        if right.trim().starts_with('$') && table.column(&column).is_some() {
            columns.push(Ident::new(column));
        }
    }
    (!columns.is_empty()).then_some((table, columns))
}

fn is_indexed(table: &Relation, columns: &[Ident]) -> bool {
    table.indexes.iter().any(|index| {
        let first = index.columns.first().and_then(|column| column.column.as_ref());
        index.predicate.is_none() && first.is_some_and(|first| columns.contains(first))
    })
}
