//! A unique key of several columns has one that may be null, so it does not hold for those rows.
//!
//! ```sql,invalid
//! create table seats (id bigint primary key, room bigint not null, number text,
//!                     unique (room, number));
//! ```
//!
//! A single optional column, and nulls that are taken care of, are meant so:
//!
//! ```sql,valid
//! create table users (id bigint primary key, email text unique);
//! create table seats (id bigint primary key, room bigint not null, number text,
//!                     unique nulls not distinct (room, number));
//! create table places (id bigint primary key, room bigint not null, number text);
//! create unique index places_numbered on places (room, number) where number is not null;
//! create table spots (id bigint primary key, room bigint not null, number text,
//!                     unique (room, number));
//! create unique index spots_bare on spots (room) where number is null;
//! ```
//!
//! ## Why
//!
//! Nulls are not equal, so `(7, null)` can be there twice. `on conflict` never meets it either, and
//! makes a new row each time.
//!
//! ## Instead
//!
//! `not null` with a default, `unique nulls not distinct` (PostgreSQL 15), or a second index where
//! the column is null.

use howdah_catalog::{Index, Relation};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0505",
    name: "unique-with-nulls",
    level: Level::Notice,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("unique_with_nulls.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for index in table.indexes.iter().filter(|index| index.unique && !index.primary) {
            if index.nulls_not_distinct || index.columns.len() < 2 {
                continue;
            }
            let nullable = |name: &str| table.column(name).is_some_and(|c| !c.not_null);
            let column =
                index.columns.iter().filter_map(|key| key.column.as_ref()).find(|column| {
                    nullable(column.as_str()) && !cared_for(table, index, column.as_str())
                });
            let Some(column) = column else { continue };
            findings
                .add(
                    Subject::Index(table.name.clone(), index.name.clone()),
                    format!(
                        "unique key \"{}\" does not hold where \"{}\" is null",
                        index.name.as_str(),
                        column.as_str()
                    ),
                )
                .hint("Use unique nulls not distinct, or make the column not null.")
                .proved(proof::index(
                    table,
                    index,
                    "i.indisunique and not i.indnullsnotdistinct and exists (\n    \
                     select from pg_attribute a where a.attrelid = i.indrelid\n      \
                     and a.attnum = any (i.indkey::int2[]) and not a.attnotnull)",
                ));
        }
    }
}

/// Whether rows with null in the column are left out, ruled out or unique by another index.
fn cared_for(table: &Relation, index: &Index, column: &str) -> bool {
    let named = |text: &str, what: &str| {
        text.contains(&format!("{column} {what}")) || text.contains(&format!("\"{column}\" {what}"))
    };
    let predicate = index.predicate.as_deref().unwrap_or("");
    let mentions = |text: &str| text.contains(column);
    named(predicate, "IS NOT NULL")
        || named(predicate, "=")
        || table.indexes.iter().any(|other| {
            other.unique
                && other.name != index.name
                && (other.predicate.as_deref().is_some_and(|text| named(text, "IS NULL"))
                    || other.columns.iter().any(|key| {
                        key.column.is_none()
                            && key.expression.to_ascii_lowercase().contains("coalesce")
                            && mentions(&key.expression)
                    }))
        })
}
