//! A partition is detached in the way that lets nobody use the partitioned table meanwhile.
//!
//! ```sql,invalid
//! -- file: 0001_events.sql
//! create table events (at date not null, what text) partition by range (at);
//! create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');
//! -- file: 0002_detach.sql
//! alter table events detach partition events_1;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_events.sql
//! create table events (at date not null, what text) partition by range (at);
//! create table events_1 partition of events for values from ('2026-01-01') to ('2026-02-01');
//! create table events_2 partition of events for values from ('2026-02-01') to ('2026-03-01');
//! alter table events detach partition events_2;
//! -- file: 0002_detach.sql
//! -- no-transaction
//! alter table events detach partition events_1 concurrently;
//! ```
//!
//! ## Why
//!
//! The parent is locked with ACCESS EXCLUSIVE: it waits for every query of any partition to end,
//! and all others wait behind it.
//!
//! ## Instead
//!
//! `detach partition … concurrently`, in a file without a transaction. It is not possible beside a
//! default partition; then set a `lock_timeout` and try again.

use howdah_sql::command::{AlterAction, Command};

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0224",
    name: "detach-not-concurrently",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("detach_not_concurrently.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let [(AlterAction::DetachPartition(_, false), _)] = table.actions.as_slice() else {
            continue;
        };
        let lock = proof::locked(facts, id, &table.name, LockMode::AccessExclusive);
        let Some((_, reproducer)) = lock else { continue };
        findings
            .add(
                Subject::Statement(id),
                format!("nobody can use \"{}\" while a partition leaves it", table.name.plain()),
            )
            .hint("Detach it concurrently, in a file that is run without a transaction.")
            .proved(reproducer)
            .instead(id, vec![format!("{} concurrently", facts.text(id))]);
    }
}
