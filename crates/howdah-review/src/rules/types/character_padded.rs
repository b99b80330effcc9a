//! A column of type `char(n)` pads what is shorter with blanks.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, reference char(12) not null);
//! ```
//!
//! A code whose length is checked, or that has one character, is never padded:
//!
//! ```sql,valid
//! create table orders (id bigint primary key, reference text not null,
//!                      kind char(1) not null,
//!                      country char(2) not null check (country = 'DE'),
//!                      currency char(3) not null check (length(currency) = 3));
//! ```
//!
//! ## Why
//!
//! What is shorter is filled with blanks on disk, and the blanks count for `like`, for regular
//! expressions and for programs that read them, but not for `=` and `length`. It is neither smaller
//! nor faster than `text`.
//!
//! ## Instead
//!
//! `text`, with a check on the length when the length matters.

use howdah_catalog::{Constraint, ConstraintKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0302",
    name: "character-padded",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("character_padded.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for column in table.columns.iter().filter(|column| column.type_base == "bpchar") {
            let checks_length = |constraint: &Constraint| {
                constraint.kind == ConstraintKind::Check
                    && constraint.columns.contains(&column.name)
                    && ["length(", " ~ ", " = "].iter().any(|w| constraint.definition.contains(w))
            };
            if column.type_name == "character(1)"
                || column.type_name == "bpchar"
                || table.constraints.iter().any(checks_length)
            {
                continue;
            }
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!(
                        "column \"{}\" of type {} pads with blanks",
                        column.name.as_str(),
                        column.type_name
                    ),
                )
                .hint("Use text, with a check on its length.")
                .proved(proof::column(
                    table,
                    column,
                    "a.atttypid = 'bpchar'::regtype and a.atttypmod > 5",
                ));
        }
    }
}
