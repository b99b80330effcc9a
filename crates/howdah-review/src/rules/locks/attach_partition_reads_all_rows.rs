//! A table becomes a partition, and all of it, or all of the default partition, is read under the
//! lock.
//!
//! ```sql,invalid
//! -- file: 0001_events.sql
//! create table events (at date not null, what text) partition by range (at);
//! create table events_1 (at date not null, what text);
//! -- file: 0002_attach.sql
//! alter table events attach partition events_1 for values from ('2026-01-01') to ('2026-02-01');
//! ```
//!
//! A check that says what the bounds say makes the reading needless:
//!
//! ```sql,valid
//! -- file: 0001_events.sql
//! create table events (at date not null, what text) partition by range (at);
//! create table events_1 (at date not null, what text,
//!     constraint bounds check (at >= '2026-01-01' and at < '2026-02-01'));
//! -- file: 0002_attach.sql
//! alter table events attach partition events_1 for values from ('2026-01-01') to ('2026-02-01');
//! create table events_2 (at date not null, what text);
//! alter table events attach partition events_2 for values from ('2026-02-01') to ('2026-03-01');
//! ```
//!
//! ## Why
//!
//! The table is locked with ACCESS EXCLUSIVE until all of its rows were checked against the
//! bounds; with a default partition, that one too.
//!
//! ## Instead
//!
//! Add a check with the bounds as not valid and validate it beforehand, attach then, and drop the
//! check.

use howdah_sql::command::{AlterAction, Command};

use crate::facts::{self, Facts};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0223",
    name: "attach-partition-reads-all-rows",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("attach_partition_reads_all_rows.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let attaches = table
            .actions
            .iter()
            .any(|(action, _)| matches!(action, AlterAction::AttachPartition(_)));
        let Some(trace) = facts.trace(id).filter(|_| attaches) else { continue };
        let read = trace.scanned.iter().find_map(|name| {
            proof::scanned(facts, id, &facts::name(name)).map(|proof| (name, proof))
        });
        let Some((name, reproducer)) = read else { continue };
        findings
            .add(
                Subject::Statement(id),
                format!("nobody can use \"{}\" while all of it is read", name.plain()),
            )
            .hint(
                "Add a check with the bounds as not valid, validate it before in a migration of \
                 its own, and drop it afterwards.",
            )
            .proved(reproducer);
    }
}
