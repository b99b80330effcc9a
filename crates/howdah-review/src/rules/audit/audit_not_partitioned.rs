//! An audit table grows for ever in one piece.
//!
//! ```sql,invalid
//! create table audit_log (id bigint primary key, at timestamptz not null, what jsonb not null);
//! ```
//!
//! ```sql,valid
//! create table audit_log (id bigint, at timestamptz not null, what jsonb not null,
//!                         primary key (id, at)) partition by range (at);
//! create table audit_log_2026 partition of audit_log
//!   for values from ('2026-01-01') to ('2027-01-01');
//! create table audit (id bigint primary key, name text);
//! ```
//!
//! ## Why
//!
//! Nothing is ever deleted from it but what is too old, and that is a slow delete that leaves the
//! table as large as before. By time in parts, the oldest part is dropped in a moment.
//!
//! ## Instead
//!
//! Partition it by its time. As a stream of howdah its chunks are made ahead and the rows that are
//! there stay where they are; the lines are in the hint.

use howdah_catalog::{Column, Literal, RelationKind};

use super::audit_table_mutable::is_audit;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0902",
    name: "audit-not-partitioned",
    level: Level::Notice,
    group: Group::Audit,
    needs: &[Needs::Catalog],
    source: include_str!("audit_not_partitioned.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables().filter(|table| is_audit(table)) {
        let time = |column: &&Column| column.type_base.starts_with("timestamp") && column.not_null;
        let Some(time) = table.columns.iter().find(time) else { continue };
        if table.kind != RelationKind::Table {
            continue;
        }
        let finding = findings.add(
            Subject::Relation(table.name.clone()),
            format!("audit \"{}\" is not partitioned", table.name.plain()),
        );
        finding.hint(format!(
            "In the system file: [streams.{name}] time = \"{}\", chunk = \"1 month\".",
            time.name.as_str(),
            name = table.name.name.as_str()
        ));
        finding.proved(Reproducer::query(format!(
            "select relname from pg_class where oid = {}::regclass and relkind = 'r'",
            Literal(&table.name.to_string())
        )));
    }
}
