//! A column is named after a table and is no foreign key to it.
//!
//! ```sql,invalid
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer_id bigint not null);
//! ```
//!
//! Another type, a key of several columns, a table of events and what merely sounds alike are left
//! alone:
//!
//! ```sql,valid
//! create table customers (id bigint primary key);
//! create table tenants (tenant_id bigint primary key);
//! create table orders (id bigint primary key, customer_id bigint references customers);
//! create index on orders (customer_id);
//! create table calls (id bigint primary key, customer_id text);
//! create table events (at timestamptz not null, customer_id bigint) partition by range (at);
//! create table readings (tenant_id bigint not null, at timestamptz not null,
//!                        primary key (tenant_id, at));
//! ```
//!
//! ## Why
//!
//! Nothing keeps the row that it names from being deleted, or from never having been there. The
//! review counts the rows that refer to nothing; with one of them it is proved.
//!
//! ## Instead
//!
//! A foreign key, added `not valid` and validated after the orphans are mended. Without one on
//! purpose: streams of events, whose writer checks what they refer to.

use howdah_catalog::{Column, ConstraintKind, Ident, Relation, RelationKind};

use crate::experiment::Orphans;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0506",
    name: "foreign-key-missing",
    level: Level::Info,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("foreign_key_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables().filter(|table| table.kind == RelationKind::Table) {
        for column in &table.columns {
            let name = column.name.as_str();
            let Some(stem) = name.strip_suffix("_id").filter(|stem| !stem.is_empty()) else {
                continue;
            };
            let refers = table.constraints.iter().any(|constraint| {
                constraint.kind == ConstraintKind::ForeignKey
                    && constraint.columns.contains(&column.name)
            });
            if refers || column.generated.is_some() || is_event(table) {
                continue;
            }
            let other = facts.tables().find(|other| other.name != table.name && fits(other, stem));
            let Some((other, key)) = other.and_then(|other| Some((other, key_of(other)?))) else {
                continue;
            };
            if key.type_base != column.type_base {
                continue;
            }
            let finding = findings.add(
                Subject::Column(table.name.clone(), column.name.clone()),
                format!(
                    "column \"{name}\" of \"{}\" is no foreign key to \"{}\"",
                    table.name.plain(),
                    other.name.plain()
                ),
            );
            finding.hint("Add the foreign key, not valid at first; then validate it.");
            finding.experiment(Orphans {
                table: table.name.clone(),
                column: column.name.clone(),
                other: other.name.clone(),
                key: key.name.clone(),
            });
        }
    }
}

/// Whether the table is named after `stem`, in one number or the other.
fn fits(other: &Relation, stem: &str) -> bool {
    let name = other.name.name.as_str();
    name == stem
        || name.strip_suffix('s') == Some(stem)
        || name.strip_suffix("es") == Some(stem)
        || name.strip_suffix("ies").is_some_and(|start| stem.strip_suffix('y') == Some(start))
}

/// The one column of its primary key.
fn key_of(table: &Relation) -> Option<&Column> {
    match table.primary_key()?.columns.as_slice() {
        [column] => table.column(column.as_str()),
        _ => None,
    }
}

/// Whether its rows are events: a time that is not null is part of its key.
fn is_event(table: &Relation) -> bool {
    let time = |column: &Ident| {
        table
            .column(column.as_str())
            .is_some_and(|column| column.type_base.starts_with("timestamp"))
    };
    table.indexes.iter().any(|index| {
        index.unique && index.columns.iter().any(|key| key.column.as_ref().is_some_and(time))
    })
}
