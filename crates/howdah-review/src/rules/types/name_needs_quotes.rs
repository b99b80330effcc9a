//! A name has to be written in quotes everywhere.
//!
//! ```sql,invalid
//! create table "Orders" (id bigint primary key, note text);
//! ```
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, "placedAt" timestamptz, "order" text);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, placed_at timestamptz, number text, ünit text);
//! ```
//!
//! ## Why
//!
//! Without quotes PostgreSQL folds a name to lower case, so `placedAt` is looked for as `placedat`;
//! words of its grammar are not taken as names at all. Each query by hand trips over it.
//!
//! ## Instead
//!
//! Lower case with underscores, and no reserved words. Nothing has to be renamed for it.

use howdah_catalog::{Literal, Relation};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0390",
    name: "name-needs-quotes",
    level: Level::Info,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("name_needs_quotes.rs"),
    check,
};

/// Reserved words that are wanted as names (PostgreSQL documentation, appendix C).
const RESERVED: &[&str] = &[
    "all",
    "analyze",
    "array",
    "asc",
    "case",
    "check",
    "column",
    "default",
    "desc",
    "end",
    "from",
    "grant",
    "group",
    "limit",
    "offset",
    "order",
    "primary",
    "references",
    "select",
    "table",
    "to",
    "union",
    "unique",
    "user",
    "when",
    "where",
    "window",
];

fn needs_quotes(name: &str) -> bool {
    RESERVED.contains(&name)
        || name.starts_with(|c: char| c.is_ascii_digit() || c == '$')
        || name.chars().any(|c| {
            c.is_ascii() && !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$')
        })
}

/// One finding a table, with the first few names.
fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let names = names(table);
        let Some(first) = names.first() else { continue };
        let finding = findings.add(
            Subject::Relation(table.name.clone()),
            format!("\"{first}\" of \"{}\" has to be quoted", table.name.plain()),
        );
        if names.len() > 1 {
            finding.detail(format!("So have {} more names of it.", names.len() - 1));
        }
        finding.proved(Reproducer::query(format!(
            "select n from unnest(array[{}]) n where quote_ident(n) <> n",
            howdah_catalog::name::list(names.iter().map(|name| Literal(name)))
        )));
    }
}

fn names(table: &Relation) -> Vec<&str> {
    let columns = table.columns.iter().map(|column| column.name.as_str());
    std::iter::once(table.name.name.as_str())
        .chain(columns)
        .filter(|name| needs_quotes(name))
        .collect()
}
