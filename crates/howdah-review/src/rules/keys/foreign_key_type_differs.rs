//! A foreign key has another type than the key that it refers to.
//!
//! ```sql,invalid
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer integer references customers);
//! create index on orders (customer);
//! ```
//!
//! ```sql,valid
//! create table customers (id bigint primary key, code varchar(20) unique);
//! create table orders (id bigint primary key, customer bigint references customers,
//!                      code text references customers (code));
//! create index on orders (customer);
//! create index on orders (code);
//! ```
//!
//! ## Why
//!
//! A key beyond the narrower type cannot be referred to: the insert fails on the day when the other
//! table has counted so far. Joins cast on every row.
//!
//! ## Instead
//!
//! The type of the key.

use howdah_catalog::{Column, ConstraintKind, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0502",
    name: "foreign-key-type-differs",
    level: Level::Warning,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("foreign_key_type_differs.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in facts.tables() {
        let keys = table.constraints.iter().filter(|key| key.kind == ConstraintKind::ForeignKey);
        for key in keys {
            let Some(other) = key.references.as_ref().and_then(|name| catalog.relation(name))
            else {
                continue;
            };
            let pairs = key.columns.iter().zip(&key.referenced_columns);
            let differing = pairs
                .filter_map(|(a, b)| Some((table.column(a.as_str())?, other.column(b.as_str())?)))
                .find(|(a, b)| differ(a, b));
            let Some((column, referenced)) = differing else { continue };
            let finding = findings.add(
                Subject::Constraint(table.name.clone(), key.name.clone()),
                format!(
                    "foreign key \"{}\" of type {} refers to a key of type {}",
                    column.name.as_str(),
                    column.type_name,
                    referenced.type_name
                ),
            );
            finding.hint(format!("Make it {}.", referenced.type_name));
            finding.proved(proof::constraint(
                table,
                key,
                "exists (select from unnest(k.conkey, k.confkey) as p (x, y)\n    \
                 join pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.x\n    \
                 join pg_attribute b on b.attrelid = k.confrelid and b.attnum = p.y\n    \
                 where a.atttypid <> b.atttypid)",
            ));
            let wider = matches!(
                (column.type_base.as_str(), referenced.type_base.as_str()),
                ("int2", "int4" | "int8") | ("int4", "int8")
            );
            if wider && table.kind == RelationKind::Table && column.generated.is_none() {
                finding.fix(vec![format!(
                    "alter table {} alter column {} type {}",
                    table.name, column.name, referenced.type_name
                )]);
            }
        }
    }
}

/// Texts with and without a length are one type for this.
fn differ(a: &Column, b: &Column) -> bool {
    let text = |column: &Column| matches!(column.type_base.as_str(), "text" | "varchar");
    a.type_base != b.type_base && !(text(a) && text(b))
}
