//! A key that is counted up is an `integer` or a `smallint`.
//!
//! ```sql,invalid
//! create table events (id integer generated always as identity primary key, note text);
//! ```
//!
//! ```sql,valid
//! create table events (id bigint generated always as identity primary key, note text);
//! create table countries (id smallint primary key, name text);
//! ```
//!
//! ## Why
//!
//! An `integer` ends at 2,147,483,647 and a `smallint` at 32,767, rolled back and skipped numbers
//! counted. Then every insert fails, and the change to `bigint` writes the table anew, together
//! with all that refer to it.
//!
//! ## Instead
//!
//! `bigint` from the start: because of alignment it often costs no byte.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0308",
    name: "integer-key-narrow",
    level: Level::Info,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("integer_key_narrow.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let Some(key) = table.primary_key() else { continue };
        for column in table.columns.iter().filter(|column| key.columns.contains(&column.name)) {
            let narrow = matches!(column.type_base.as_str(), "int2" | "int4");
            let counted = column.identity.is_some()
                || column.default.as_deref().is_some_and(|text| text.starts_with("nextval("));
            if !narrow || !counted {
                continue;
            }
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!(
                        "key \"{}\" of \"{}\" counts in {}",
                        column.name.as_str(),
                        table.name.plain(),
                        column.type_name
                    ),
                )
                .hint("Use bigint for keys that are counted up.")
                .proved(proof::column(
                    table,
                    column,
                    "a.atttypid in ('int2'::regtype, 'int4'::regtype)",
                ));
        }
    }
}
