//! A table inherits from one with a key, and the key does not hold over both.
//!
//! ```sql,invalid
//! create table cities (id bigint primary key, name text);
//! create table capitals (state text) inherits (cities);
//! ```
//!
//! Partitions are another thing, and so is a parent without any key:
//!
//! ```sql,valid
//! create table cities (id bigint, region int, primary key (id, region))
//!   partition by list (region);
//! create table cities_one partition of cities for values in (1);
//! create table base (made timestamptz not null default now());
//! create table orders (id bigint primary key) inherits (base);
//! ```
//!
//! ## Why
//!
//! A unique key, and a foreign key to it, are of the parent's own rows alone. The same id may stand
//! in both tables, a query of the parent gives it twice, and a foreign key finds no row of the
//! child.
//!
//! ## Instead
//!
//! Partitions, or a table with a foreign key to the first.

use howdah_catalog::{Constraint, ConstraintKind, Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0512",
    name: "keys-end-at-inheritance",
    level: Level::Notice,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("keys_end_at_inheritance.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    let plain = |table: &&howdah_catalog::Relation| {
        table.kind == RelationKind::Table && table.partition_of.is_none()
    };
    for table in catalog.relations.values().filter(plain) {
        let is_key = |key: &Constraint| {
            matches!(key.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique)
        };
        let with_key = table.inherits.iter().find(|parent| {
            let parent = catalog.relation(parent);
            parent.is_some_and(|parent| parent.constraints.iter().any(is_key))
        });
        let Some(parent) = with_key else { continue };
        let sql = format!(
            "select i.inhparent::regclass from pg_inherits i\n  \
             join pg_class c on c.oid = i.inhrelid and not c.relispartition\n  \
             join pg_index k on k.indrelid = i.inhparent and k.indisunique\n  \
             where i.inhrelid = {}::regclass",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!(
                    "keys of \"{}\" do not hold for \"{}\", which inherits from it",
                    parent.plain(),
                    table.name.plain()
                ),
            )
            .hint("Use partitions, or a foreign key to the first table.")
            .proved(Reproducer::query(sql));
    }
}
