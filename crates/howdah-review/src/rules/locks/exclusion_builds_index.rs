//! An exclusion constraint is added to a table that may hold rows; its index is built while nobody
//! can use the table.
//!
//! ```sql,invalid
//! -- file: 0001_bookings.sql
//! create table bookings (id bigint primary key, during tsrange);
//! -- file: 0002_exclude.sql
//! alter table bookings add constraint no_overlap exclude using gist (during with &&);
//! ```
//!
//! ```sql,valid
//! create table bookings (id bigint primary key, during tsrange);
//! alter table bookings add constraint no_overlap exclude using gist (during with &&);
//! ```
//!
//! ## Why
//!
//! The table is locked with ACCESS EXCLUSIVE until the index is there; PostgreSQL can neither
//! build such an index concurrently nor add the constraint as not valid.
//!
//! ## Instead
//!
//! Make a new table with the constraint, keep it equal by a trigger, fill it in batches, and swap
//! the names; for a small table a `lock_timeout` and a quiet hour are enough.

use howdah_sql::command::{AlterAction, Command, TableConstraint};

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0225",
    name: "exclusion-builds-index",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("exclusion_builds_index.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let excludes = table.actions.iter().any(|(action, _)| {
            matches!(action, AlterAction::AddConstraint(constraint)
                if constraint.constraint == TableConstraint::Exclude)
        });
        if !excludes {
            continue;
        }
        let lock = proof::locked(facts, id, &table.name, LockMode::AccessExclusive);
        let Some((_, reproducer)) = lock else { continue };
        findings
            .add(
                Subject::Statement(id),
                format!("nobody can use \"{}\" while its exclusion is built", table.name.plain()),
            )
            .hint("There is no way to add it online: do it while the table is small.")
            .proved(reproducer);
    }
}
