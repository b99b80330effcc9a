//! Blocks are read again and again that memory could hold.
//!
//! ```sql,invalid,live,alone
//! -- server: shared_buffers = 1MB
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
//! Small buffers that are large enough for what is read are not small:
//!
//! ```sql,valid,live,alone
//! -- server: shared_buffers = 1MB
//! create table t (id bigint primary key);
//! insert into t select generate_series(1, 1000);
//! set enable_seqscan = off;
//! set enable_hashjoin = off;
//! set enable_mergejoin = off;
//! select count(*) from generate_series(1, 30000) n join t on t.id = n % 1000 + 1;
//! select pg_stat_force_next_flush();
//! ```
//!
//! ## Why
//!
//! A block that is not in `shared_buffers` is asked of the system, which may have it or may have to
//! read it.
//!
//! ## Instead
//!
//! A quarter of the machine's memory is the usual start; it needs a restart.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1013",
    name: "shared-buffers-small",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("shared_buffers_small.rs"),
    check,
};

/// Fewer reads say nothing.
const LEAST: i64 = 5_000;
/// At most so much of what is asked for is found, in percent.
const FOUND: i64 = 95;
/// Buffers of this part of memory are no longer small.
const PART: u64 = 8;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let number = |name: &str| in_use.settings.get(name)?.parse::<u64>().ok();
    let (Some(counters), Some(memory), Some(buffers), Some(block)) =
        (in_use.health.counters, in_use.memory, number("shared_buffers"), number("block_size"))
    else {
        return;
    };
    let bytes = buffers.saturating_mul(block);
    let asked = counters.blocks_read.saturating_add(counters.blocks_hit);
    let found = counters.blocks_hit.saturating_mul(100) / asked.max(1);
    let seldom = counters.blocks_read >= LEAST && found < FOUND;
    // What was read is more than the buffers hold, so it was not read for the first time alone.
    let again = counters.blocks_read.unsigned_abs() > buffers;
    if !seldom || !again || bytes >= memory / PART {
        return;
    }
    findings
        .add(
            Subject::Named("setting", "shared_buffers".to_owned()),
            format!("of what is asked for, {found} % is in shared_buffers"),
        )
        .detail(format!(
            "{} blocks were read from outside; shared_buffers are {} MiB of {} MiB of memory.",
            counters.blocks_read,
            bytes >> 20,
            memory >> 20
        ))
        .hint(format!("Try {} MB, a quarter of the memory.", memory >> 22))
        .proved(Reproducer::query(format!(
            "select blks_read, blks_hit from pg_stat_database\n  \
             where datname = current_database() and blks_read >= {LEAST}\n  \
             and blks_hit * 100 / (blks_hit + blks_read) < {FOUND}"
        )))
        .set("shared_buffers", (memory / 4 / block.max(1)).to_string());
}
