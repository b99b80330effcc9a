//! Columns of one name have different types, or different lengths, in different tables.
//!
//! ```sql,invalid
//! create table users (id bigint primary key, phone varchar(20));
//! create table shops (id bigint primary key, phone varchar(32));
//! ```
//!
//! ```sql,invalid
//! create table users (id bigint primary key, tenant_id integer not null);
//! create table shops (id bigint primary key, tenant_id uuid not null);
//! ```
//!
//! Words that mean something else everywhere may differ, and so may numbers of different precision:
//!
//! ```sql,valid
//! create table users (id bigint primary key, tenant_id bigint, phone text, name varchar(80));
//! create table shops (id uuid primary key, tenant_id bigint, phone text, name varchar(200),
//!                     size numeric(10, 2));
//! create table boxes (id uuid primary key, size numeric(12, 4));
//! ```
//!
//! ## Why
//!
//! A value that fits in one table is refused by the other, and a join of the two types needs a cast
//! that no index serves.
//!
//! ## Instead
//!
//! One type for one thing; where it has rules of its own, a domain.

use std::collections::BTreeMap;

use howdah_catalog::{Literal, Relation};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0307",
    name: "column-types-differ",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("column_types_differ.rs"),
    check,
};

/// Names that say too little to mean one thing.
const VAGUE: &[&str] = &[
    "action",
    "category",
    "code",
    "comment",
    "content",
    "data",
    "description",
    "details",
    "event",
    "event_type",
    "hash",
    "id",
    "key",
    "kind",
    "label",
    "level",
    "message",
    "method",
    "model",
    "name",
    "note",
    "notes",
    "position",
    "priority",
    "rank",
    "reason",
    "result",
    "role",
    "score",
    "severity",
    "size",
    "slug",
    "source",
    "state",
    "status",
    "subject",
    "symbol",
    "target",
    "text",
    "title",
    "token",
    "type",
    "unit",
    "value",
    "version",
];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let mut columns: BTreeMap<&str, BTreeMap<&str, Vec<&Relation>>> = BTreeMap::new();
    for table in facts.tables() {
        for column in &table.columns {
            let name = column.name.as_str();
            let is_key = name.ends_with("_id") || name.ends_with("_uuid");
            if VAGUE.contains(&name) || !(is_key || column.type_base == "varchar") {
                continue;
            }
            columns.entry(name).or_default().entry(&column.type_name).or_default().push(table);
        }
    }
    for (name, types) in columns.iter().filter(|(_, types)| types.len() > 1) {
        let list: Vec<String> = types
            .iter()
            .map(|(type_name, tables)| format!("{type_name} in {}", tables[0].name.plain()))
            .collect();
        let tables: Vec<String> = types
            .values()
            .map(|tables| format!("{}::regclass", Literal(&tables[0].name.to_string())))
            .collect();
        findings
            .add(
                Subject::Named("columns", (*name).to_owned()),
                format!("columns \"{name}\" have {} different types", types.len()),
            )
            .detail(format!("They are {}.", list.join(", ")))
            .hint("Give what is one thing one type.")
            .proved(Reproducer::query(format!(
                "select attname from pg_attribute where attname = {}\n  \
                 and attrelid in ({}) group by attname\n  \
                 having count(distinct format_type(atttypid, atttypmod)) > 1",
                Literal(name),
                tables.join(", ")
            )));
    }
}
