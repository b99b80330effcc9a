//! A column has the type `timetz`, a time of day with an offset.
//!
//! ```sql,invalid
//! create table shifts (id bigint primary key, starts timetz not null);
//! ```
//!
//! ```sql,valid
//! create table shifts (id bigint primary key, starts time not null, zone text not null);
//! ```
//!
//! ## Why
//!
//! An offset from UTC is no time zone: without a date nobody knows whether summer time holds, so
//! the value cannot be compared with a moment.
//!
//! ## Instead
//!
//! `time` with the name of the zone beside it, or `timestamptz`.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0310",
    name: "time-with-zone-without-date",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("time_with_zone_without_date.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for column in table.columns.iter().filter(|column| column.type_base == "timetz") {
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!("column \"{}\" has the type timetz", column.name.as_str()),
                )
                .hint("Use time with the name of the zone beside it, or timestamptz.")
                .proved(proof::column(table, column, "a.atttypid = 'timetz'::regtype"));
        }
    }
}
