//! A number that has bounds by its name has no check.
//!
//! ```sql,invalid
//! create table sites (id bigint primary key, latitude double precision not null);
//! ```
//!
//! ```sql,valid
//! create table sites (id bigint primary key,
//!                     latitude double precision not null check (latitude between -90 and 90));
//! create domain percent as numeric check (value between 0 and 100);
//! create table discounts (id bigint primary key, discount_percent percent, latitude_note text);
//! ```
//!
//! ## Why
//!
//! What was written wrongly once is found by nobody. Which bounds hold is known to those who know
//! the subject; this is a guess from the name.
//!
//! ## Instead
//!
//! A check, added `not valid` and validated, after counting the rows that it would refuse.

use howdah_catalog::ConstraintKind;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0510",
    name: "range-unchecked",
    level: Level::Info,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("range_unchecked.rs"),
    check,
};

/// Names with bounds, and the bounds.
const BOUNDED: &[(&str, &str)] = &[
    ("age", "not negative"),
    ("humidity_percent", "from 0 to 100"),
    ("lat", "from -90 to 90"),
    ("latitude", "from -90 to 90"),
    ("lng", "from -180 to 180"),
    ("lon", "from -180 to 180"),
    ("longitude", "from -180 to 180"),
    ("percent", "from 0 to 100"),
    ("percentage", "from 0 to 100"),
    ("probability", "from 0 to 1"),
    ("quantity", "not negative"),
];
const NUMBERS: &[&str] = &["float4", "float8", "int2", "int4", "int8", "numeric"];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for column in &table.columns {
            let name = column.name.as_str();
            let bounds = BOUNDED.iter().find(|(word, _)| {
                name == *word || name.strip_suffix(word).is_some_and(|start| start.ends_with('_'))
            });
            let Some((_, bounds)) = bounds else { continue };
            let checked = table.constraints.iter().any(|constraint| {
                constraint.kind == ConstraintKind::Check
                    && constraint.columns.contains(&column.name)
            });
            // A domain is another type, with checks of its own.
            let number = NUMBERS.contains(&column.type_base.as_str());
            if checked || !number || column.generated.is_some() {
                continue;
            }
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!("column \"{name}\" of \"{}\" has no check", table.name.plain()),
                )
                .detail(format!("By its name it is {bounds}."))
                .hint("Count the rows that a check would refuse, then add it.");
        }
    }
}
