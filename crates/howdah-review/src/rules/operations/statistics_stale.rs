//! Most of a table has changed since it was analyzed, and nothing will analyze it.
//!
//! ```sql,invalid,live
//! create table prices (id bigint primary key, price int) with (autovacuum_enabled = false);
//! insert into prices select n, n from generate_series(1, 1000) n;
//! select pg_stat_force_next_flush();
//! analyze prices;
//! insert into prices select n, n from generate_series(1001, 30000) n;
//! select pg_stat_force_next_flush();
//! ```
//!
//! Where autovacuum is on it comes within a minute; and a tenth of a table is no other table:
//!
//! ```sql,valid,live
//! create table prices (id bigint primary key, price int) with (autovacuum_enabled = false);
//! insert into prices select n, n from generate_series(1, 300000) n;
//! select pg_stat_force_next_flush();
//! analyze prices;
//! insert into prices select n, n from generate_series(300001, 320000) n;
//! create table loaded (id bigint primary key, price int);
//! insert into loaded select n, n from generate_series(1, 1000) n;
//! analyze loaded;
//! insert into loaded select n, n from generate_series(1001, 30000) n;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! The planner believes the old numbers: a nested loop over a table of a thousand rows that has a
//! million is the usual end of it.
//!
//! ## Instead
//!
//! `alter table … reset (autovacuum_enabled)`, or `analyze` in the job that changes the rows.

use howdah_catalog::{Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1115",
    name: "statistics-stale",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("statistics_stale.rs"),
    check,
};

/// Fewer changes are nobody's trouble.
const LEAST: i64 = 10_000;
/// Autovacuum, where it is on, has come long before.
const SECONDS: f64 = 86_400.0;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(catalog), Some(in_use)) = (&facts.catalog, &facts.in_use) else { return };
    for (name, upkeep) in &in_use.health.upkeep {
        let Some(table) = catalog.relation(name) else { continue };
        let is_table = table.kind == RelationKind::Table;
        let alive = table.stats.live_rows;
        // Half of the table, five times what autovacuum waits for.
        if !is_table || upkeep.changed < LEAST || upkeep.changed.saturating_mul(2) < alive {
            continue;
        }
        let off = table.options.iter().any(|option| option == "autovacuum_enabled=false");
        let Some(seconds) = upkeep.unanalyzed_seconds else { continue };
        if !off && seconds < SECONDS {
            continue;
        }
        let sql = format!(
            "select n_mod_since_analyze, n_live_tup from pg_stat_user_tables\n  \
             where relid = {}::regclass and n_mod_since_analyze * 2 >= n_live_tup\n  \
             and n_mod_since_analyze >= {LEAST}",
            Literal(&name.to_string())
        );
        let why = if off { "Autovacuum is off for it. " } else { "" };
        findings
            .add(
                Subject::Relation(name.clone()),
                format!("the planner's numbers of \"{}\" are old", name.plain()),
            )
            .detail(format!(
                "{why}{} rows were changed since it was analyzed, {alive} are alive.",
                upkeep.changed
            ))
            .hint(format!("Run analyze {name}; reset its autovacuum_enabled."))
            .proved(Reproducer::query(sql));
    }
}
