//! Vacuum came, and left the dead rows: somebody holds an old transaction that may still see them.
//!
//! ```sql,invalid,live
//! create table busy (id bigint primary key, n int) with (autovacuum_enabled = false);
//! insert into busy select n, 0 from generate_series(1, 12000) n;
//! -- session: report
//! begin isolation level repeatable read;
//! select count(*) from busy;
//! -- session: main
//! update busy set n = n + 1;
//! vacuum busy;
//! select pg_stat_force_next_flush();
//! ```
//!
//! A transaction that is open holds nothing back when vacuum took the rows before it began:
//!
//! ```sql,valid,live
//! create table busy (id bigint primary key, n int) with (autovacuum_enabled = false);
//! insert into busy select n, 0 from generate_series(1, 12000) n;
//! update busy set n = n + 1;
//! vacuum busy;
//! -- session: report
//! begin isolation level repeatable read;
//! select count(*) from busy;
//! -- session: main
//! update busy set n = n + 1;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! Tables and indexes grow with every update, scans read the dead rows, and the transaction ids
//! age. Vacuum again and again changes nothing.
//!
//! ## Instead
//!
//! End the holder: the session (`pg_terminate_backend`), the prepared transaction, the slot; and
//! `idle_in_transaction_session_timeout` for the next one. Long reports go to a standby without
//! `hot_standby_feedback`.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::health::Holder;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1114",
    name: "vacuum-held-back",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("vacuum_held_back.rs"),
    check,
};

/// Fewer dead rows are nobody's trouble.
const LEAST: i64 = 10_000;
/// Dead rows of so many alive are what autovacuum waits for.
const SHARE: i64 = 5;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(catalog), Some(in_use)) = (&facts.catalog, &facts.in_use) else { return };
    let health = &in_use.health;
    for table in catalog.relations.values() {
        let dead = table.stats.dead_rows;
        if dead < LEAST || dead.saturating_mul(SHARE) < table.stats.live_rows {
            continue;
        }
        let vacuumed = health.upkeep.get(&table.name).and_then(|upkeep| upkeep.vacuumed);
        let Some(vacuumed) = vacuumed else { continue };
        // The oldest of all is who the horizon waits for; it must have been there at the vacuum.
        let Some(holder) = health.holders.first() else { return };
        if holder.since.is_none_or(|since| since >= vacuumed) {
            continue;
        }
        let sql = format!(
            "select n_dead_tup from pg_stat_user_tables\n  \
             where relid = {}::regclass and n_dead_tup >= {LEAST}\n  \
             and exists (select from ({}) h (since)\n              \
             where h.since < greatest(last_vacuum, last_autovacuum))",
            Literal(&table.name.to_string()),
            begun(holder)
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!(
                    "vacuum could not take {dead} dead rows of \"{}\": the {} {} holds them",
                    table.name.plain(),
                    holder.kind,
                    holder.name
                ),
            )
            .detail(format!("{} transactions have begun since it did.", holder.age))
            .hint("End it, and set idle_in_transaction_session_timeout for the next one.")
            .proved(Reproducer::query(sql));
    }
}

/// A query for when the holder began.
fn begun(holder: &Holder) -> String {
    match holder.kind.as_str() {
        "session" => {
            let pid = holder.name.split(' ').nth(1).unwrap_or_default();
            format!("select xact_start from pg_stat_activity where pid = {pid}")
        }
        _ => {
            format!("select prepared from pg_prepared_xacts where gid = {}", Literal(&holder.name))
        }
    }
}
