//! A boolean column may be null, so it has three values.
//!
//! ```sql,invalid
//! create table users (id bigint primary key, is_admin boolean default false);
//! ```
//!
//! Where nothing is known unless it was answered, the third value is meant:
//!
//! ```sql,valid
//! create table users (id bigint primary key, is_admin boolean not null default false,
//!                     accepted boolean);
//! ```
//!
//! ## Why
//!
//! `where not is_admin` leaves out the rows with null, as `where is_admin` does. A default says
//! that there are two values; an explicit null makes the third.
//!
//! ## Instead
//!
//! `not null` with the default.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0313",
    name: "boolean-nullable",
    level: Level::Info,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("boolean_nullable.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let booleans =
            table.columns.iter().filter(|column| column.type_base == "bool" && !column.not_null);
        for column in booleans.filter(|column| column.generated.is_none()) {
            if !column.default.as_deref().is_some_and(|d| d == "false" || d == "true") {
                continue;
            }
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!("boolean \"{}\" has a default and may be null", column.name.as_str()),
                )
                .hint("Make it not null.")
                .proved(proof::column(table, column, "not a.attnotnull"));
        }
    }
}
