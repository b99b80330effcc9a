//! A task is aborted when the program is told to end.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table event (id bigint primary key);
//! -- file: src/main.rs
//! async fn main() {
//!     let writer = tokio::spawn(write());
//!     tokio::signal::ctrl_c().await.unwrap();
//!     writer.abort();
//! }
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table event (id bigint primary key);
//! -- file: src/main.rs
//! async fn main() {
//!     let writer = tokio::spawn(write(stop.clone()));
//!     tokio::signal::ctrl_c().await.unwrap();
//!     stop.cancel();
//!     writer.await.unwrap(); // not writer.abort();
//! }
//! -- file: src/race.rs
//! fn slower(other: Handle) {
//!     other.abort();
//! }
//! ```
//!
//! ## Why
//!
//! It ends between two steps: an event is written and not acknowledged, or acknowledged and not
//! written; what a client waits for is cut off.
//!
//! ## Instead
//!
//! Tell it to stop by a token, and wait until it has come to an end of its own.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::rule::{Group, Needs, Rule};
use crate::source::Language;

pub(super) const RULE: Rule = Rule {
    code: "HR1306",
    name: "task-aborted",
    level: Level::Notice,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("task_aborted.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for file in facts.sources.iter().filter(|file| file.language == Language::Rust) {
        let ends = ["ctrl_c()", "SignalKind::", "shutdown"].iter().any(|w| file.code.contains(w));
        // Tests end what they began as they like.
        if !ends || file.path.contains("tests/") {
            continue;
        }
        for (at, call) in file.code.match_indices(".abort();") {
            let finding =
                findings.add(file.subject(at), "a task is aborted instead of told to stop");
            finding.place = Some(file.place(at..at + call.len()));
            finding.hint("Tell it by a token, and await it.");
        }
    }
}
