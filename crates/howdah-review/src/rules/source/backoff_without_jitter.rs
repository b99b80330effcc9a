//! The time between tries doubles, and is the same for everybody.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table event (id bigint primary key);
//! -- file: src/worker.rs
//! fn wait(failures: u32) -> u64 {
//!     let backoff_secs = INITIAL * 2u64.pow(failures);
//!     backoff_secs.min(60)
//! }
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table event (id bigint primary key);
//! -- file: src/worker.rs
//! fn wait(failures: u32) -> u64 {
//!     let backoff_secs = INITIAL * 2u64.pow(failures);
//!     rand::rng().random_range(backoff_secs / 2..=backoff_secs)
//! }
//! -- file: src/area.rs
//! fn area(side: u64) -> u64 {
//!     side.pow(2) // no backoff
//! }
//! ```
//!
//! ## Why
//!
//! All that failed together try again together, and fail together again.
//!
//! ## Instead
//!
//! Wait a random part of it.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1307",
    name: "backoff-without-jitter",
    level: Level::Info,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("backoff_without_jitter.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for file in &facts.sources {
        let code = file.code.to_lowercase();
        if code.len() != file.code.len() || code.contains("rand") || code.contains("jitter") {
            continue;
        }
        let mut at = 0;
        for line in code.split_inclusive('\n') {
            let doubles = ["pow(", "** ", "<< "].iter().any(|way| line.contains(way));
            if line.contains("backoff") && line.contains('=') && doubles {
                let indent = line.len() - line.trim_start().len();
                let span = at + indent..at + line.trim_end().len();
                let finding = findings
                    .add(file.subject(span.start), "all that failed together try again together");
                finding.place = Some(file.place(span));
                finding.hint("Wait a random part of the time.");
            }
            at += line.len();
        }
    }
}
