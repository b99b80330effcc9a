//! A column has the type `json`.
//!
//! ```sql,invalid
//! create table events (id bigint primary key, attributes json not null);
//! ```
//!
//! What must be kept letter by letter, such as a signed message, is meant so:
//!
//! ```sql,valid
//! create table events (id bigint primary key, attributes jsonb not null, raw_body json);
//! ```
//!
//! ## Why
//!
//! `json` is text that was checked once: each access reads it again from its first letter, it has
//! no equality (so no `distinct`, no `group by`, no unique key) and no index but on single
//! expressions.
//!
//! ## Instead
//!
//! `jsonb`, unless blanks, order and repeated keys must come out as they went in.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0306",
    name: "json-instead-of-jsonb",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("json_instead_of_jsonb.rs"),
    check,
};

/// Words of a column's name that say it is kept as it came.
const AS_IT_CAME: &[&str] = &["body", "original", "raw", "signed", "source"];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for column in table.columns.iter().filter(|column| column.type_base == "json") {
            if column.name.as_str().split('_').any(|word| AS_IT_CAME.contains(&word)) {
                continue;
            }
            let finding = findings.add(
                Subject::Column(table.name.clone(), column.name.clone()),
                format!("column \"{}\" has the type json", column.name.as_str()),
            );
            finding.hint("Use jsonb, unless its exact letters must be kept.");
            finding.proved(proof::column(table, column, "a.atttypid = 'json'::regtype"));
            if column.default.is_none() && column.generated.is_none() {
                finding.fix(vec![format!(
                    "alter table {} alter column {} type jsonb",
                    table.name, column.name
                )]);
            }
        }
    }
}
