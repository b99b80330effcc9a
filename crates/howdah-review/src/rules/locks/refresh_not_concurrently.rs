//! A materialized view is refreshed in the way that lets nobody read it meanwhile.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! create materialized view totals as select id, amount from orders;
//! create unique index totals_id on totals (id);
//! -- file: 0002_refresh.sql
//! refresh materialized view totals;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! create materialized view totals as select id, amount from orders;
//! create unique index totals_id on totals (id);
//! refresh materialized view totals;
//! -- file: 0002_refresh.sql
//! refresh materialized view concurrently totals;
//! ```
//!
//! ## Why
//!
//! The view is locked with ACCESS EXCLUSIVE until its query is done and all is written.
//!
//! ## Instead
//!
//! `refresh materialized view concurrently`; it needs a unique index over columns of all rows, and
//! a view that was filled once.

use howdah_sql::command::Command;

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::{proof, rephrase};

pub(super) const RULE: Rule = Rule {
    code: "HR0211",
    name: "refresh-not-concurrently",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("refresh_not_concurrently.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::RefreshView { name, concurrently: false } = &statement.command else {
            continue;
        };
        let lock = proof::locked(facts, id, name, LockMode::AccessExclusive);
        let Some((_, reproducer)) = lock else { continue };
        let finding = findings.add(
            Subject::Statement(id),
            format!("nobody can read \"{}\" while it is refreshed", name.plain()),
        );
        finding
            .hint("Refresh it concurrently; it needs a unique index over columns of all rows.")
            .proved(reproducer);
        let text = facts.text(id);
        if let Some(sql) = rephrase::word_after(text, "view", name.span.start, "concurrently") {
            finding.instead(id, vec![sql]);
        }
    }
}
