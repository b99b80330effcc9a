//! The planner counts on a larger cache than the machine has memory.
//!
//! ```sql,invalid,live
//! -- server: effective_cache_size = 10TB
//! select 1;
//! ```
//!
//! The default may be more than a small machine has, and is nobody's choice:
//!
//! ```sql,valid,live
//! -- server: effective_cache_size = 256MB
//! select 1;
//! ```
//!
//! ## Why
//!
//! It believes that what it reads again is in memory, and chooses index scans that go to the disk.
//!
//! ## Instead
//!
//! What the system has left for its cache: half to three quarters of the memory.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1017",
    name: "effective-cache-beyond-memory",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("effective_cache_beyond_memory.rs"),
    check,
};

/// The default in blocks; it is not the choice of anybody.
const DEFAULT: u64 = 524_288;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let number = |name: &str| in_use.settings.get(name)?.parse::<u64>().ok();
    let (Some(memory), Some(blocks), Some(block)) =
        (in_use.memory, number("effective_cache_size"), number("block_size"))
    else {
        return;
    };
    if blocks == DEFAULT || blocks.saturating_mul(block) <= memory {
        return;
    }
    findings
        .add(
            Subject::Named("setting", "effective_cache_size".to_owned()),
            "the planner counts on a larger cache than the machine has memory",
        )
        .detail(format!(
            "effective_cache_size is {} MiB, the memory {} MiB.",
            blocks.saturating_mul(block) >> 20,
            memory >> 20
        ))
        .hint(format!("Set it to {} MB, half of the memory.", memory >> 21))
        .proved(Reproducer::query(format!(
            "select name from pg_settings\n  \
             where name = 'effective_cache_size' and setting::bigint * {block} > {memory}"
        )))
        .set("effective_cache_size", (memory / 2 / block.max(1)).to_string());
}
