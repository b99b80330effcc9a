//! The server does not wait until its log is on disk.
//!
//! ```sql,invalid,live,alone
//! -- server: fsync = off
//! select 1;
//! ```
//!
//! ```sql,valid,live,alone
//! -- server: fsync = on
//! select 1;
//! ```
//!
//! ## Why
//!
//! After a crash of the machine the database may be damaged beyond repair, not only short of its
//! last transactions.
//!
//! ## Instead
//!
//! `fsync = on`. What is in a hurry takes `synchronous_commit = off`, for a session or a
//! transaction: it may lose the last moments, and nothing else.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1001",
    name: "fsync-off",
    level: Level::Error,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("fsync_off.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    if in_use.settings.get("fsync").is_none_or(|value| value != "off") {
        return;
    }
    let sql = "select name, setting from pg_settings\n  \
               where name = 'fsync' and setting = 'off'";
    findings
        .add(
            Subject::Named("setting", "fsync".to_owned()),
            "a crash of the machine may damage the database: fsync is off",
        )
        .hint(
            "Set fsync to on; \
             synchronous_commit may be off where the last moments may be lost.",
        )
        .proved(Reproducer::query(sql))
        .set("fsync", "on");
}
