//! Nobody can tell how long the server waits for its disks.
//!
//! ```sql,invalid,live
//! -- server: track_io_timing = off
//! select 1;
//! ```
//!
//! ```sql,valid,live
//! -- server: track_io_timing = on
//! select 1;
//! ```
//!
//! ## Why
//!
//! `explain (analyze, buffers)` and `pg_stat_statements` tell reading from computing only with it.
//!
//! ## Instead
//!
//! `track_io_timing = on`, after `pg_test_timing` has shown that reading the clock is cheap here.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1004",
    name: "track-io-timing-off",
    level: Level::Info,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("track_io_timing_off.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    if in_use.settings.get("track_io_timing").is_none_or(|value| value != "off") {
        return;
    }
    let sql = "select name, setting from pg_settings\n  \
               where name = 'track_io_timing' and setting = 'off'";
    findings
        .add(
            Subject::Named("setting", "track_io_timing".to_owned()),
            "waits for the disks are not measured: track_io_timing is off",
        )
        .hint("Set track_io_timing to on when pg_test_timing shows a cheap clock.")
        .proved(Reproducer::query(sql))
        .set("track_io_timing", "on");
}
