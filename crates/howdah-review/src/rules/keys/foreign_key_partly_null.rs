//! A foreign key of several columns is not checked for rows where only some of them are null.
//!
//! ```sql,invalid
//! create table rooms (house int, floor int, primary key (house, floor));
//! create table desks (id bigint primary key, house int, floor int,
//!                     foreign key (house, floor) references rooms);
//! create index on desks (house, floor);
//! ```
//!
//! One column that may be null makes the reference optional, as it is meant:
//!
//! ```sql,valid
//! create table rooms (house int, floor int, primary key (house, floor));
//! create table desks (id bigint primary key, house int not null, floor int,
//!                     foreign key (house, floor) references rooms);
//! create index on desks (house, floor);
//! create table chairs (id bigint primary key, house int, floor int,
//!                      foreign key (house, floor) references rooms match full);
//! create index on chairs (house, floor);
//! create table lamps (id bigint primary key, house int, floor int,
//!                     check ((house is null) = (floor is null)),
//!                     foreign key (house, floor) references rooms);
//! create index on lamps (house, floor);
//! ```
//!
//! ## Why
//!
//! With `match simple`, the default, one null switches the check off: `(7, null)` is taken though
//! there is no house 7.
//!
//! ## Instead
//!
//! `match full`, or a check that all of them are null or none.

use howdah_catalog::{Constraint, ConstraintKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0508",
    name: "foreign-key-partly-null",
    level: Level::Notice,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("foreign_key_partly_null.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for key in table.constraints.iter().filter(|k| k.kind == ConstraintKind::ForeignKey) {
            let nullable = key
                .columns
                .iter()
                .filter(|column| table.column(column.as_str()).is_some_and(|c| !c.not_null))
                .count();
            let checked = |constraint: &Constraint| {
                constraint.kind == ConstraintKind::Check
                    && key.columns.iter().all(|column| constraint.columns.contains(column))
            };
            if nullable < 2
                || key.definition.contains("MATCH FULL")
                || table.constraints.iter().any(checked)
            {
                continue;
            }
            findings
                .add(
                    Subject::Constraint(table.name.clone(), key.name.clone()),
                    format!(
                        "foreign key \"{}\" is not checked where one column is null",
                        key.name.as_str()
                    ),
                )
                .hint("Use match full.")
                .proved(proof::constraint(
                    table,
                    key,
                    "k.confmatchtype = 's' and (select count(*) from pg_attribute a\n    \
                     where a.attrelid = k.conrelid and a.attnum = any (k.conkey)\n    \
                     and not a.attnotnull) > 1",
                ));
        }
    }
}
