//! A table has neither a primary key nor a unique key without nulls.
//!
//! ```sql,invalid
//! create table orders (id bigint not null, note text);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, note text);
//! create table tags (order_id bigint not null references orders, tag text not null,
//!                    unique (order_id, tag));
//! create table log (at timestamptz not null, line text) partition by range (at);
//! create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');
//! ```
//!
//! A key in which nulls are equal names a row too, and so do ranges that must not overlap:
//!
//! ```sql,valid
//! create table counts (caller text, hour timestamptz not null,
//!                      unique nulls not distinct (caller, hour));
//! create table tariffs (kind integer not null, during tstzrange not null, price numeric,
//!                       exclude using gist (int4range(kind, kind, '[]') with &&, during with &&));
//! ```
//!
//! ## Why
//!
//! A row cannot be named: it cannot be updated alone, a repeated insert is not noticed, and logical
//! replication refuses updates and deletes.
//!
//! ## Instead
//!
//! Make what names a row the primary key. A partitioned table of events without a key is left
//! alone.

use howdah_catalog::{ConstraintKind, Literal, Relation, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0501",
    name: "primary-key-missing",
    level: Level::Warning,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("primary_key_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        if table.kind != RelationKind::Table
            || table.partition_of.is_some()
            || !table.inherits.is_empty()
            || table.columns.is_empty()
            || has_key(table)
        {
            continue;
        }
        let sql = format!(
            "select c.relname from pg_class c where c.oid = {}::regclass\n  \
             and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("table \"{}\" has no key", table.name.plain()),
            )
            .hint("Make what names a row its primary key.")
            .proved(Reproducer::query(sql));
    }
}

fn has_key(table: &Relation) -> bool {
    let not_null = |name: &str| table.column(name).is_some_and(|column| column.not_null);
    let constraint = table.constraints.iter().any(|constraint| {
        // What must not overlap does not repeat: a key over time, or over ranges of numbers.
        matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Exclusion)
    });
    constraint
        || table.indexes.iter().any(|index| {
            index.unique
                && index.valid
                && index.predicate.is_none()
                && (index.nulls_not_distinct
                    || index.columns.iter().all(|key| {
                        key.column.as_ref().is_some_and(|column| not_null(column.as_str()))
                    }))
        })
}
