//! The key of an advisory lock is folded so that 32 of its 64 bits are left.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table position (id bigint primary key);
//! -- file: src/lock.rs
//! fn key(hash: u64) -> i64 {
//!     ((hash >> 32) ^ (hash & 0xFFFFFFFF)) as i64 & 0x7FFFFFFFFFFFFFFF
//! }
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table position (id bigint primary key);
//! -- file: src/lock.rs
//! fn key(hash: u64) -> i64 {
//!     // not ((hash >> 32) ^ (hash & 0xFFFFFFFF))
//!     hash as i64
//! }
//! ```
//!
//! ## Why
//!
//! Both halves land in the lower 32 bits. Among 300,000 keys about ten collide, and their writers
//! wait for each other for nothing.
//!
//! ## Instead
//!
//! The key of an advisory lock is a signed 64-bit number; cast the hash as it is.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1305",
    name: "lock-key-of-32-bits",
    level: Level::Warning,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("lock_key_of_32_bits.rs"),
    check,
};

const SHOWN: &str = "select max(key) from (
  select ((h >> 32) & 4294967295) # (h & 4294967295) as key
  from (select hashtextextended(n::text, 0) as h from generate_series(1, 10000) n) hash) folded
having max(key) < 4294967296";

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for file in &facts.sources {
        let mut at = 0;
        for line in file.code.split_inclusive('\n') {
            let code: String = line.chars().filter(|c| !c.is_whitespace()).collect();
            let code = code.to_lowercase().replace('_', "");
            if code.contains(">>32)^(") && code.contains("&0xffffffff)") {
                let indent = line.len() - line.trim_start().len();
                let span = at + indent..at + line.trim_end().len();
                let finding = findings
                    .add(file.subject(span.start), "folding a hash by itself leaves 32 bits of it");
                finding.place = Some(file.place(span));
                finding.hint("Cast the hash as it is.").proved(Reproducer::query(SHOWN));
            }
            at += line.len();
        }
    }
}
