//! A table is made logged or unlogged, or is moved, and all of it is written anew.
//!
//! ```sql,invalid
//! -- file: 0001_cache.sql
//! create unlogged table cache (id bigint primary key);
//! -- file: 0002_logged.sql
//! alter table cache set logged;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_cache.sql
//! create unlogged table cache (id bigint primary key);
//! alter table cache set logged;
//! -- file: 0002_same.sql
//! alter table cache set logged;
//! ```
//!
//! ## Why
//!
//! The whole table and its indexes are written again under an ACCESS EXCLUSIVE lock; a table that
//! becomes logged goes through the write-ahead log, and to every replica.
//!
//! ## Instead
//!
//! Decide when the table is made. Otherwise make a new table, fill it in batches, and swap the
//! names.

use howdah_sql::command::{AlterAction, Command};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0214",
    name: "storage-change-rewrites",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("storage_change_rewrites.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let words = table.actions.iter().find_map(|(action, _)| match action {
            AlterAction::SetStorage(words) => Some(words),
            _ => None,
        });
        let Some(words) = words else { continue };
        let Some(reproducer) = proof::rewritten(facts, id, &table.name) else { continue };
        findings
            .add(
                Subject::Statement(id),
                format!("\"set {words}\" writes all of \"{}\" anew", table.name.plain()),
            )
            .hint("Make a new table, fill it in batches, and swap the names.")
            .proved(reproducer);
    }
}
