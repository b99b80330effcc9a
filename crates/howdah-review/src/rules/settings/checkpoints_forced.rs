//! Checkpoints are begun by the amount of WAL rather than by the time.
//!
//! ```sql,invalid,live,alone
//! -- server: max_wal_size = 32MB
//! create table t (id bigint, filler text);
//! select pg_stat_reset_shared(x) from unnest(array['bgwriter', 'wal']) x;
//! do $$
//! declare
//!     counted text := 'select checkpoints_req from pg_stat_bgwriter';
//!     requested bigint := 0;
//! begin
//!     if current_setting('server_version_num')::int >= 170000 then
//!         perform pg_stat_reset_shared('checkpointer');
//!         counted := 'select num_requested from pg_stat_checkpointer';
//!     end if;
//!     while requested < 6 loop
//!         insert into t select n, repeat('x', 1000) from generate_series(1, 10000) n;
//!         commit;
//!         perform pg_stat_clear_snapshot();
//!         execute counted into requested;
//!     end loop;
//!     perform pg_stat_force_next_flush();
//! end $$;
//! ```
//!
//! Checkpoints that somebody asked for are no want of room:
//!
//! ```sql,valid,live,alone
//! -- server: max_wal_size = 32MB
//! select pg_stat_reset_shared(x) from unnest(array['bgwriter', 'wal']) x;
//! checkpoint;
//! checkpoint;
//! checkpoint;
//! checkpoint;
//! checkpoint;
//! checkpoint;
//! ```
//!
//! ## Why
//!
//! After each checkpoint the first change of a page writes the whole page to the WAL. Checkpoints
//! that follow one another make most of the WAL themselves, and the disk has to take each in a
//! hurry.
//!
//! ## Instead
//!
//! `max_wal_size` as large as the WAL of one `checkpoint_timeout` at the measured rate, and a half
//! more. It costs disk, and time after a crash.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1011",
    name: "checkpoints-forced",
    level: Level::Warning,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("checkpoints_forced.rs"),
    check,
};

/// Fewer are a restart, a backup or a database that was dropped.
const LEAST: i64 = 5;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let number = |name: &str| in_use.settings.get(name)?.parse::<i64>().ok();
    let (Some(counters), Some(mib), Some(seconds)) =
        (in_use.health.counters, number("max_wal_size"), number("checkpoint_timeout"))
    else {
        return;
    };
    let requested = counters.requested_checkpoints;
    let limit = mib << 20;
    // With less WAL between them it was not the WAL that began them.
    let by_wal = requested > 0 && counters.wal_bytes / requested >= limit / 4;
    if requested < LEAST || requested <= counters.timed_checkpoints || !by_wal {
        return;
    }
    let rate = counters.wal_bytes as f64 / counters.wal_seconds.max(1.0);
    // A checkpoint spreads over its time, so two of them share the room (guc "max_wal_size").
    let needed = rate * seconds as f64 * 1.9;
    // A load that is over is none that the setting has to hold.
    if needed <= limit as f64 {
        return;
    }
    let gigabytes = (needed / f64::from(1 << 30)).ceil();
    let version = facts.catalog.as_ref().map_or(0, |catalog| catalog.server.version_num);
    let (view, timed, forced) = if version < 170_000 {
        ("pg_stat_bgwriter", "checkpoints_timed", "checkpoints_req")
    } else {
        ("pg_stat_checkpointer", "num_timed", "num_requested")
    };
    findings
        .add(
            Subject::Named("setting", "max_wal_size".to_owned()),
            "checkpoints are begun by the amount of WAL, not by the time",
        )
        .detail(format!(
            "{requested} were, and {} by the time; the server writes {:.1} MiB of WAL a second, \
             and max_wal_size is {mib} MiB.",
            counters.timed_checkpoints,
            rate / f64::from(1 << 20)
        ))
        .hint(format!("Set max_wal_size to {gigabytes} GB for this rate."))
        .proved(Reproducer::query(format!(
            "select {forced}, {timed} from {view} where {forced} > {timed} and {forced} >= {LEAST}"
        )))
        .set("max_wal_size", ((gigabytes * 1024.0) as i64).to_string());
}
