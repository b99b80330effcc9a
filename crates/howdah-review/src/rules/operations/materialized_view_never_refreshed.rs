//! A materialized view was never refreshed, while a table that it reads has changed.
//!
//! ```sql,invalid,live
//! create table orders (id bigint primary key) with (autovacuum_enabled = false);
//! insert into orders select generate_series(1, 1000);
//! create materialized view order_count as select count(*) as orders from orders;
//! analyze order_count;
//! analyze orders;
//! insert into orders select generate_series(1001, 4000);
//! select pg_stat_force_next_flush();
//! ```
//!
//! One that was refreshed once has somebody who does so; a table that does not change needs none:
//!
//! ```sql,valid,live
//! create table orders (id bigint primary key) with (autovacuum_enabled = false);
//! create table countries (code text primary key) with (autovacuum_enabled = false);
//! insert into countries values ('de');
//! create materialized view order_count as select count(*) as orders from orders;
//! create unique index on order_count (orders);
//! create materialized view country_count as select count(*) from countries;
//! analyze order_count;
//! analyze country_count;
//! analyze orders;
//! analyze countries;
//! insert into orders select generate_series(1, 3000);
//! refresh materialized view concurrently order_count;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! Whoever reads it reads the day on which it was made.
//!
//! ## Instead
//!
//! A job that refreshes it, a rollup that is kept in the same transaction as its events, or a view.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1116",
    name: "materialized-view-never-refreshed",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("materialized_view_never_refreshed.rs"),
    check,
};

/// Fewer changed rows may wait for the first night.
const LEAST: i64 = 1_000;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for stale in in_use.health.stale_views.iter().filter(|stale| stale.changed >= LEAST) {
        let sql = format!(
            "select c.relname from pg_class c\n  \
             join pg_rewrite r on r.ev_class = c.oid and r.rulename = '_RETURN'\n  \
             and r.xmin = c.xmin\n  \
             join pg_stat_user_tables s on s.relid = {}::regclass\n  \
             where c.oid = {}::regclass and s.n_mod_since_analyze >= {LEAST}",
            Literal(&stale.table.to_string()),
            Literal(&stale.view.to_string())
        );
        findings
            .add(
                Subject::Relation(stale.view.clone()),
                format!(
                    "materialized view \"{}\" shows the state in which it was made",
                    stale.view.plain()
                ),
            )
            .detail(format!(
                "It was never refreshed, and {} rows of \"{}\" were changed since.",
                stale.changed,
                stale.table.plain()
            ))
            .hint("Refresh it by a job, or keep a rollup in the transaction that writes the rows.")
            .proved(Reproducer::query(sql));
    }
}
