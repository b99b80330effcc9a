//! A column keeps the number of a large object, or of something in the catalog.
//!
//! ```sql,invalid
//! create table documents (id bigint primary key, content oid not null);
//! ```
//!
//! ```sql,valid
//! create table documents (id bigint primary key, content bytea not null, of regclass);
//! ```
//!
//! ## Why
//!
//! A large object is no part of the row: it stays when the row is deleted, row security does not
//! cover it, and logical replication leaves it behind. An `oid` wraps around at four billion and
//! another server gives others.
//!
//! ## Instead
//!
//! `bytea`, which the row owns, or a store of files with its key here. What is there is found by
//! `vacuumlo`.

use howdah_catalog::RelationKind;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0392",
    name: "oid-as-value",
    level: Level::Notice,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("oid_as_value.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let is_table = matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable);
        let kept = |base: &str| matches!(base, "oid" | "lo");
        for column in table.columns.iter().filter(|c| is_table && kept(&c.type_base)) {
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!(
                        "\"{}\" of \"{}\" is a number that nothing keeps valid",
                        column.name.as_str(),
                        table.name.plain()
                    ),
                )
                .hint("Keep bytes as bytea.")
                .proved(proof::column(
                    table,
                    column,
                    "format_type(a.atttypid, null) in ('oid', 'lo')",
                ));
        }
    }
}
