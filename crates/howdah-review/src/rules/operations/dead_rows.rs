//! More of a table is dead than alive.
//!
//! ```sql,invalid,live
//! create table busy (id bigint primary key, n int) with (autovacuum_enabled = false);
//! insert into busy select n, 0 from generate_series(1, 20000) n;
//! update busy set n = n + 1;
//! update busy set n = n + 1;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ```sql,valid,live
//! create table calm (id bigint primary key, n int) with (autovacuum_enabled = false);
//! insert into calm select n, 0 from generate_series(1, 20000) n;
//! update calm set n = n + 1 where id < 1000;
//! create table small (id bigint primary key, n int) with (autovacuum_enabled = false);
//! insert into small values (1, 0);
//! update small set n = 1;
//! update small set n = 2;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! Every scan reads the dead rows too, and the file seldom shrinks again. Where a vacuum has come
//! and left them, `vacuum-held-back` names who needs them still.
//!
//! ## Instead
//!
//! Find what keeps vacuum away (`autovacuum_enabled`, settings of its pace), and lower
//! `autovacuum_vacuum_scale_factor` of a large table.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1102",
    name: "dead-rows",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("dead_rows.rs"),
    check,
};

/// Fewer dead rows are nobody's trouble.
const LEAST: i64 = 10_000;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        let (dead, live) = (table.stats.dead_rows, table.stats.live_rows);
        if dead < LEAST || dead <= live {
            continue;
        }
        let sql = format!(
            "select n_dead_tup, n_live_tup from pg_stat_user_tables\n  \
             where relid = {}::regclass and n_dead_tup > n_live_tup",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("more of \"{}\" is dead than alive", table.name.plain()),
            )
            .detail(format!("{dead} rows are dead, {live} alive."))
            .hint(format!("Run vacuum {}, and see why autovacuum does not.", table.name))
            .proved(Reproducer::query(sql));
    }
}
