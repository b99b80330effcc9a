//! The planner takes random reads for expensive that are measured to be cheap.
//!
//! ```sql,invalid,live,alone
//! -- server: shared_buffers = 1MB
//! -- server: track_io_timing = on
//! create table t (id uuid primary key, filler text);
//! insert into t select md5(n::text)::uuid, 'x' from generate_series(1, 60000) n;
//! set enable_seqscan = off;
//! set enable_hashjoin = off;
//! set enable_mergejoin = off;
//! set enable_bitmapscan = off;
//! select count(*) from generate_series(1, 30000) n join t on t.id = md5(n::text)::uuid;
//! select pg_stat_force_next_flush();
//! ```
//!
//! What was told already is not told again:
//!
//! ```sql,valid,live,alone
//! -- server: shared_buffers = 1MB
//! -- server: track_io_timing = on
//! -- server: random_page_cost = 1.1
//! create table t (id uuid primary key, filler text);
//! insert into t select md5(n::text)::uuid, 'x' from generate_series(1, 60000) n;
//! set enable_seqscan = off;
//! set enable_hashjoin = off;
//! set enable_mergejoin = off;
//! set enable_bitmapscan = off;
//! select count(*) from generate_series(1, 30000) n join t on t.id = md5(n::text)::uuid;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! 4 is for disks that turn, where a random read takes several milliseconds. Where it takes a
//! fraction of one, scans of whole tables are chosen that an index would serve faster.
//!
//! ## Instead
//!
//! `random_page_cost = 1.1`, for the server or the database.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1012",
    name: "random-page-cost-of-disks",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("random_page_cost_of_disks.rs"),
    check,
};

/// Fewer reads say nothing.
const LEAST: i64 = 5_000;
/// A disk that turns takes several milliseconds.
const FAST_MS: f64 = 0.5;
/// The default, which is for such disks.
const OF_DISKS: f64 = 4.0;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let Some(counters) = in_use.health.counters else { return };
    let cost = in_use.settings.get("random_page_cost").and_then(|cost| cost.parse::<f64>().ok());
    // Only where half of what is read are pages of indexes is the mean that of random reads; and
    // only a time that was measured is one.
    let random = counters.index_blocks_read.saturating_mul(2) >= counters.blocks_read;
    let measured = counters.blocks_read >= LEAST && counters.read_ms > 0.0;
    let Some(cost) = cost.filter(|cost| *cost >= OF_DISKS && random && measured) else { return };
    let mean = counters.read_ms / counters.blocks_read as f64;
    if mean > FAST_MS {
        return;
    }
    findings
        .add(
            Subject::Named("setting", "random_page_cost".to_owned()),
            format!("random reads are fast here, and random_page_cost is {cost}"),
        )
        .detail(format!(
            "{} blocks were read, {} of them of indexes, each in {:.3} ms.",
            counters.blocks_read, counters.index_blocks_read, mean
        ))
        .hint("Set random_page_cost to 1.1, for the server or with alter database.")
        .proved(Reproducer::query(format!(
            "select blk_read_time / blks_read from pg_stat_database\n  \
             where datname = current_database() and blks_read >= {LEAST}\n  \
             and blk_read_time / blks_read <= {FAST_MS}\n  \
             and current_setting('random_page_cost')::float8 >= {OF_DISKS}"
        )))
        .set("random_page_cost", "1.1");
}
