//! The oldest rows of a table are far older than autovacuum should let them be.
//!
//! ```sql,invalid,live,alone
//! -- server: autovacuum = off
//! create table old (id bigint) with (autovacuum_freeze_max_age = 100000);
//! set synchronous_commit = off;
//! do $$ begin
//!     for n in 1..201000 loop
//!         perform pg_current_xact_id();
//!         commit;
//!     end loop;
//! end $$;
//! ```
//!
//! An age that autovacuum lets tables reach is none to speak of:
//!
//! ```sql,valid,live,alone
//! -- server: autovacuum = off
//! create table old (id bigint);
//! create table young (id bigint) with (autovacuum_freeze_max_age = 100000);
//! insert into young select generate_series(1, 1000);
//! ```
//!
//! ## Why
//!
//! Transaction ids are counted in a circle of two billion. When the oldest is almost that old, the
//! server refuses to write until it was vacuumed, for hours.
//!
//! ## Instead
//!
//! `vacuum (freeze)` of the table, and find out what holds autovacuum back: a long transaction, a
//! replication slot, a prepared transaction, or a lock.

use howdah_catalog::{Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1101",
    name: "transaction-ids-run-out",
    level: Level::Error,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("transaction_ids_run_out.rs"),
    check,
};

/// Autovacuum begins at the limit; twice as much means that it does not come through.
const TIMES: i64 = 2;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(catalog), Some(in_use)) = (&facts.catalog, &facts.in_use) else { return };
    for table in catalog.relations.values() {
        if !matches!(table.kind, RelationKind::Table | RelationKind::MaterializedView) {
            continue;
        }
        let own = table.options.iter().find_map(|option| {
            option.strip_prefix("autovacuum_freeze_max_age=")?.parse::<i64>().ok()
        });
        let limit = own.unwrap_or(in_use.freeze_max_age).min(in_use.freeze_max_age);
        if limit <= 0 || table.stats.xid_age <= limit.saturating_mul(TIMES) {
            continue;
        }
        let sql = format!(
            "select age(relfrozenxid) from pg_class where oid = {}::regclass\n  \
             and age(relfrozenxid) > {}",
            Literal(&table.name.to_string()),
            limit.saturating_mul(TIMES)
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("\"{}\" was not frozen in time", table.name.plain()),
            )
            .detail(format!(
                "Its oldest rows are {} transactions old; autovacuum should begin at {limit}.",
                table.stats.xid_age
            ))
            .hint(format!("Run vacuum (freeze) {}, and look for what holds it back.", table.name))
            .proved(Reproducer::query(sql));
    }
}
