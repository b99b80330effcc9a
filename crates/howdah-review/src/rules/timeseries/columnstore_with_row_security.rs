//! A hypertable has both a columnstore and row security.
//!
//! ```sql,invalid,extension
//! create table readings (tenant bigint, at timestamptz not null, value numeric);
//! select create_hypertable('readings', 'at');
//! alter table readings set (timescaledb.compress, timescaledb.compress_segmentby = 'tenant');
//! alter table readings enable row level security;
//! create policy mine on readings using (tenant = current_setting('app.tenant')::bigint);
//! ```
//!
//! ```sql,valid,extension
//! create table readings (tenant bigint, at timestamptz not null, value numeric);
//! select create_hypertable('readings', 'at');
//! alter table readings set (timescaledb.compress, timescaledb.compress_segmentby = 'tenant');
//! create table notes (id bigint primary key, tenant bigint);
//! alter table notes enable row level security;
//! create policy mine on notes using (tenant = current_setting('app.tenant')::bigint);
//! ```
//!
//! ## Why
//!
//! TimescaleDB refuses the second of the two, whichever it is (tried with 2.22): either the tenants
//! are not kept apart, or the history is not folded.
//!
//! ## Instead
//!
//! Decide for one. A stream of howdah with `[tenants]` has forced row security on the table and on
//! what is made from it.

use howdah_sql::command::Command;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::hypertable::hypertables;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1206",
    name: "columnstore-with-row-security",
    level: Level::Error,
    group: Group::Timeseries,
    needs: &[Needs::Statements, Needs::Build],
    source: include_str!("columnstore_with_row_security.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let made = hypertables(facts);
    let mut columnstore: Vec<(String, bool)> =
        made.iter().map(|hypertable| (hypertable.table.clone(), false)).collect();
    for (id, statement) in facts.statements() {
        let Command::AlterTable(alter) = &statement.command else { continue };
        let Some((_, has)) = columnstore.iter_mut().find(|(name, _)| name == alter.name.last())
        else {
            continue;
        };
        let text = facts.text(id).to_ascii_lowercase();
        *has |= text.contains("timescaledb.compress") || text.contains("enable_columnstore");
    }
    for (table, _) in columnstore.iter().filter(|(_, has)| *has) {
        let secured = facts.tables().find(|t| t.name.name.as_str() == table && t.row_security);
        let Some(secured) = secured else { continue };
        findings
            .add(
                Subject::Relation(secured.name.clone()),
                format!("hypertable \"{table}\" has a columnstore and row security"),
            )
            .hint("Decide for one; a stream of howdah under [tenants] has row security forced.")
            .estimated("what TimescaleDB 2.22 refuses");
    }
}
