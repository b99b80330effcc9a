//! Shared buffers and one sort of each session are more than the machine has.
//!
//! ```sql,invalid,live
//! -- server: work_mem = 1TB
//! select 1;
//! ```
//!
//! ```sql,valid,live
//! -- server: work_mem = 4MB
//! select 1;
//! ```
//!
//! ## Why
//!
//! `work_mem` is the limit of each sort and each hash of each session. When the machine has no
//! more, the kernel ends a process, and the server restarts with every session lost.
//!
//! ## Instead
//!
//! A small `work_mem` for all, `set work_mem` for the one report that needs more, and fewer
//! connections behind a pool.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1008",
    name: "memory-may-run-out",
    level: Level::Warning,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("memory_may_run_out.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let number = |name: &str| in_use.settings.get(name)?.parse::<u64>().ok();
    let (Some(memory), Some(work), Some(sessions), Some(buffers), Some(block)) = (
        in_use.memory,
        number("work_mem"),
        number("max_connections"),
        number("shared_buffers"),
        number("block_size"),
    ) else {
        return;
    };
    let sorts = work.saturating_mul(1024).saturating_mul(sessions);
    let all = buffers.saturating_mul(block).saturating_add(sorts);
    if all <= memory {
        return;
    }
    findings
        .add(
            Subject::Named("setting", "work_mem".to_owned()),
            "sorts of all sessions together need more memory than the machine has",
        )
        .detail(format!(
            "{sessions} sessions with a sort of {} MiB each and shared_buffers are {} MiB of \
             {} MiB.",
            work >> 10,
            all >> 20,
            memory >> 20
        ))
        .estimated("shared_buffers + max_connections * work_mem, one sort a session");
}
