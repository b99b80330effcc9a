//! One query may start more workers than the machine has processors.
//!
//! ```sql,invalid,live
//! -- server: max_parallel_workers_per_gather = 600
//! -- server: max_parallel_workers = 600
//! select 1;
//! ```
//!
//! What the server allows in all bounds it too:
//!
//! ```sql,valid,live
//! -- server: max_parallel_workers_per_gather = 600
//! -- server: max_parallel_workers = 1
//! select 1;
//! ```
//!
//! ## Why
//!
//! Each worker is a process with its own `work_mem`; more of them than processors wait for one
//! another, and everybody else waits for them.
//!
//! ## Instead
//!
//! `max_parallel_workers_per_gather` of at most half of the processors, and 0 for logins of short
//! statements.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1018",
    name: "parallel-workers-beyond-cores",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("parallel_workers_beyond_cores.rs"),
    check,
};

/// The default, which is nobody's choice.
const DEFAULT: usize = 2;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let number = |name: &str| in_use.settings.get(name)?.parse::<usize>().ok();
    let (Some(cores), Some(each), Some(all)) = (
        in_use.health.cores,
        number("max_parallel_workers_per_gather"),
        number("max_parallel_workers"),
    ) else {
        return;
    };
    let workers = each.min(all);
    if workers <= cores.max(DEFAULT) {
        return;
    }
    findings
        .add(
            Subject::Named("setting", "max_parallel_workers_per_gather".to_owned()),
            format!("a query may start {workers} workers on {cores} processors"),
        )
        .hint(format!("Set it to {}.", (cores / 2).max(1)))
        .proved(Reproducer::query(format!(
            "select 'more' where least(current_setting('max_parallel_workers_per_gather')::int,\n  \
             current_setting('max_parallel_workers')::int) > {cores}"
        )))
        .set("max_parallel_workers_per_gather", (cores / 2).max(1).to_string());
}
