//! WAL is not archived: the last try has failed.
//!
//! ```sql,invalid,live,alone
//! -- server: archive_mode = on
//! -- server: archive_command = false
//! select pg_switch_wal();
//! do $$ begin
//!     while (select failed_count from pg_stat_archiver) = 0 loop
//!         perform pg_sleep(0.05), pg_stat_clear_snapshot();
//!     end loop;
//! end $$;
//! ```
//!
//! ```sql,valid,live,alone
//! -- server: archive_mode = on
//! -- server: archive_command = true
//! select pg_switch_wal();
//! do $$ begin
//!     while (select archived_count from pg_stat_archiver) = 0 loop
//!         perform pg_sleep(0.05), pg_stat_clear_snapshot();
//!     end loop;
//! end $$;
//! ```
//!
//! ## Why
//!
//! The backup can be restored up to the last archived file and no further, and the server keeps all
//! WAL from there on until the disk is full.
//!
//! ## Instead
//!
//! The server's log has what `archive_command` wrote when it failed.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1120",
    name: "archiver-fails",
    level: Level::Error,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("archiver_fails.rs"),
    check,
};

/// The last try was a failure.
const FAILS: &str = "select last_failed_wal from pg_stat_archiver\n  \
                     where last_failed_time > coalesce(last_archived_time, '-infinity')";

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let Some(file) = &in_use.health.unarchived else { return };
    // What was off since is no failure any more.
    if in_use.settings.get("archive_mode").is_none_or(|mode| mode == "off") {
        return;
    }
    findings
        .add(
            Subject::Named("setting", "archive_command".to_owned()),
            format!("WAL is not archived since \"{file}\""),
        )
        .hint("Look into the server's log for what the command said.")
        .proved(Reproducer::query(FAILS));
}
