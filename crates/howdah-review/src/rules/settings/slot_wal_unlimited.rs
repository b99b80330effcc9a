//! A replication slot may keep WAL until the disk is full.
//!
//! ```sql,invalid,live,alone
//! select pg_create_physical_replication_slot('standby', true);
//! ```
//!
//! Without a slot there is nothing to limit, and with a limit nothing to fear:
//!
//! ```sql,valid,live,alone
//! -- server: max_slot_wal_keep_size = 10GB
//! select pg_create_physical_replication_slot('standby', true);
//! ```
//!
//! ## Why
//!
//! When its reader stops, the server keeps all WAL from there on, and stops itself when there is no
//! more room: the standby takes the primary with it.
//!
//! ## Instead
//!
//! `max_slot_wal_keep_size` of what the disk can spare; a slot that falls behind by more is lost,
//! and its reader begins anew.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1019",
    name: "slot-wal-unlimited",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("slot_wal_unlimited.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let unlimited = in_use.settings.get("max_slot_wal_keep_size").is_some_and(|size| size == "-1");
    let Some((name, ..)) = in_use.slots.first().filter(|_| unlimited) else { return };
    findings
        .add(
            Subject::Named("setting", "max_slot_wal_keep_size".to_owned()),
            format!("slot \"{name}\" may keep WAL until the disk is full"),
        )
        .hint("Set max_slot_wal_keep_size to what the disk can spare.")
        .proved(Reproducer::query(
            "select slot_name from pg_replication_slots\n  \
             where current_setting('max_slot_wal_keep_size') = '-1'",
        ));
}
