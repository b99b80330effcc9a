//! A replication slot keeps log for a reader that is not there.
//!
//! ```sql,invalid,live,alone
//! -- server: max_wal_size = 32MB
//! select pg_create_physical_replication_slot('gone', true);
//! create table t (id bigint, filler text);
//! insert into t select n, repeat('x', 1000) from generate_series(1, 40000) n;
//! ```
//!
//! A slot that has not kept much may be between two connections:
//!
//! ```sql,valid,live,alone
//! -- server: max_wal_size = 32MB
//! select pg_create_physical_replication_slot('fresh', true);
//! ```
//!
//! ## Why
//!
//! The log is kept until the disk is full, and then the server stops. A logical slot keeps dead
//! rows of the catalog too.
//!
//! ## Instead
//!
//! `pg_drop_replication_slot`, or start the reader; and `max_slot_wal_keep_size` as a limit.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1107",
    name: "slot-without-reader",
    level: Level::Error,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("slot_without_reader.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    // Less than a checkpoint may wait for is kept while a reader is between two connections.
    let most = in_use.settings.get("max_wal_size").and_then(|mib| mib.parse::<i64>().ok());
    let Some(most) = most.map(|mib| mib << 20) else { return };
    for (name, active, bytes) in &in_use.slots {
        if *active || *bytes < most {
            continue;
        }
        let sql = format!(
            "select slot_name from pg_replication_slots where slot_name = {} and not active\n  \
             and pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) >= {most}",
            Literal(name)
        );
        findings
            .add(
                Subject::Named("replication slot", name.clone()),
                format!("slot \"{name}\" keeps log for a reader that is not there"),
            )
            .detail(format!("It keeps {} MiB; max_wal_size is {}.", bytes >> 20, most >> 20))
            .hint(format!("Start its reader, or run pg_drop_replication_slot({}).", Literal(name)))
            .proved(Reproducer::query(sql));
    }
}
