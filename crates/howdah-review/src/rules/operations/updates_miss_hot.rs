//! Almost no update of a table is made in place, so that each writes every index anew.
//!
//! ```sql,invalid,live
//! create table positions (id bigint primary key, price int) with (autovacuum_enabled = false);
//! create index positions_price on positions (price);
//! insert into positions select n, 0 from generate_series(1, 30000) n;
//! update positions set price = price + 1;
//! update positions set price = price + 1;
//! select pg_stat_force_next_flush();
//! ```
//!
//! An index on a column that stays is not in the way:
//!
//! ```sql,valid,live
//! create table positions (id bigint primary key, price int)
//!     with (autovacuum_enabled = false, fillfactor = 10);
//! insert into positions select n, 0 from generate_series(1, 30000) n;
//! update positions set price = price + 1;
//! update positions set price = price + 1;
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
//! Drop the index on the column that changes, or leave room with `fillfactor`.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

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
const LEAST: i64 = 50_000;
/// One in so many in place is few.
const SHARE: i64 = 10;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        let (updated, hot) = (table.stats.updated, table.stats.hot_updated);
        // A table with one index pays little for it.
        if updated < LEAST || hot * SHARE >= updated || table.indexes.len() < 2 {
            continue;
        }
        let sql = format!(
            "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables\n  \
             where relid = {}::regclass and n_tup_hot_upd * {SHARE} < n_tup_upd",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("updates of \"{}\" write every index anew", table.name.plain()),
            )
            .detail(format!(
                "Of {updated} updates {hot} were made in place; it has {} indexes.",
                table.indexes.len()
            ))
            .hint("Drop the index on a column that each update changes, or lower fillfactor.")
            .proved(Reproducer::query(sql));
    }
}
