//! Almost no update of a table is made in place, because a column that it sets is indexed.
//!
//! ```sql,invalid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table positions (id bigint primary key, price int, note text)
//!     with (autovacuum_enabled = false);
//! create index positions_price on positions (price);
//! insert into positions select n, 0 from generate_series(1, 10000) n;
//! update positions set price = id % 7 + 1;
//! update positions set price = id % 7 + 2;
//! select pg_stat_force_next_flush();
//! ```
//!
//! An index on a column that stays is not in the way, nor is one of a table that seldom changes:
//!
//! ```sql,valid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table positions (id bigint primary key, price int, note text)
//!     with (autovacuum_enabled = false);
//! create index positions_note on positions (note);
//! insert into positions select n, 0 from generate_series(1, 10000) n;
//! update positions set price = id % 7 + 1;
//! update positions set price = id % 7 + 2;
//! create table ranks (id bigint primary key, rank int);
//! create index on ranks (rank);
//! insert into ranks select n, n from generate_series(1, 100) n;
//! update ranks set rank = rank + 1;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! An update that changes no indexed column and finds room in its page writes no index. An index on
//! a column that changes with each update took a fifth of the throughput and made the table two and
//! a half times as large.
//!
//! ## Instead
//!
//! Drop the index when it is worth less than the writes cost, or keep what changes in a table of
//! its own.

use crate::experiment::{UpdateCost, holds, is_time_of_update};
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::workload;

pub(super) const RULE: Rule = Rule {
    code: "HR1113",
    name: "updates-miss-hot",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("updates_miss_hot.rs"),
    check,
};

/// Fewer updates are nobody's trouble.
const LEAST: i64 = 20_000;
/// One in so many in place is few.
const SHARE: i64 = 10;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(catalog), Some(in_use)) = (&facts.catalog, &facts.in_use) else { return };
    let mut told = Vec::new();
    for statement in in_use.workload.iter().flatten() {
        let Some(update) = workload::update(&statement.query) else { continue };
        let Some(table) = workload::table(catalog, &update) else { continue };
        let (updated, hot) = (table.stats.updated, table.stats.hot_updated);
        if updated < LEAST || hot.saturating_mul(SHARE) >= updated {
            continue;
        }
        let columns = update.set.iter().filter_map(|name| table.column(name));
        for column in columns.filter(|column| !is_time_of_update(column)) {
            let key = (table.name.clone(), column.name.clone());
            let Some(index) = table.indexes.iter().find(|index| holds(index, column)) else {
                continue;
            };
            if told.contains(&key) {
                continue;
            }
            told.push(key);
            findings
                .add(
                    Subject::Index(table.name.clone(), index.name.clone()),
                    format!(
                        "index \"{}\" keeps updates of \"{}\" from being made in place",
                        index.name.as_str(),
                        table.name.plain()
                    ),
                )
                .detail(format!(
                    "Of {updated} updates {hot} were made in place; it was used {} times.",
                    index.scans
                ))
                .hint("Drop it if its searches are worth less than the writes.")
                .experiment(UpdateCost {
                    table: table.name.clone(),
                    column: column.name.as_str().to_owned(),
                });
        }
    }
}
