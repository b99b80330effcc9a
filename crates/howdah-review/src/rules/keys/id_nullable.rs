//! A column `id` may be null and is in no key.
//!
//! ```sql,invalid
//! create table orders (id bigint, reference text primary key);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint unique not null, reference text primary key);
//! create table notes (id bigint generated always as identity primary key, body text);
//! create table copies (id bigint unique, reference text primary key);
//! ```
//!
//! ## Why
//!
//! It looks like the name of the row, and nothing makes it there or makes it one.
//!
//! ## Instead
//!
//! Make it the primary key, or `not null` and unique, or drop it.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0507",
    name: "id-nullable",
    level: Level::Warning,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("id_nullable.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let Some(column) = table.column("id").filter(|column| !column.not_null) else { continue };
        let in_key = table.indexes.iter().any(|index| {
            index.unique && index.columns.iter().any(|k| k.column.as_ref() == Some(&column.name))
        });
        // A table without any key is told as that.
        if in_key || !table.indexes.iter().any(|index| index.unique) {
            continue;
        }
        findings
            .add(
                Subject::Column(table.name.clone(), column.name.clone()),
                format!("column \"id\" of \"{}\" may be null and repeat", table.name.plain()),
            )
            .hint("Make it a key, or drop it.")
            .proved(proof::column(table, column, "not a.attnotnull"));
    }
}
