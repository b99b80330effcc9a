//! Indexes are rebuilt, and nobody can write to their table meanwhile.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! -- file: 0002_rebuild.sql
//! reindex table orders;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, customer bigint);
//! reindex table orders;
//! -- file: 0002_rebuild.sql
//! -- no-transaction
//! reindex table concurrently orders;
//! ```
//!
//! ## Why
//!
//! `reindex` holds a SHARE lock on the table, so that writers wait, and an ACCESS EXCLUSIVE lock
//! on each index, so that queries which would use it wait too.
//!
//! ## Instead
//!
//! `reindex … concurrently`, in a file that its tool runs without a transaction.

use howdah_sql::command::Command;

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::{proof, rephrase};

pub(super) const RULE: Rule = Rule {
    code: "HR0209",
    name: "reindex-not-concurrently",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("reindex_not_concurrently.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::Reindex { name: Some(name), concurrently: false } = &statement.command else {
            continue;
        };
        let Some((table, _, reproducer)) = proof::locked_any(facts, id, LockMode::Share) else {
            continue;
        };
        let finding = findings.add(
            Subject::Statement(id),
            format!("writers of \"{}\" wait while indexes are rebuilt", table.plain()),
        );
        finding
            .hint("Rebuild concurrently, in a file that is run without a transaction.")
            .proved(reproducer);
        let words = ["index", "table"];
        let text = facts.text(id);
        let head = text[..name.span.start].trim_end().to_ascii_lowercase();
        if let Some(word) = words.into_iter().find(|word| head.ends_with(word))
            && let Some(sql) = rephrase::word_after(text, word, name.span.start, "concurrently")
        {
            finding.instead(id, vec![sql]);
        }
    }
}
