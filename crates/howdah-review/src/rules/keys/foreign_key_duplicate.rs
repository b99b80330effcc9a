//! Two foreign keys of a table say the same.
//!
//! ```sql,invalid
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint references customers);
//! create index on orders (customer);
//! alter table orders add foreign key (customer) references customers on delete cascade;
//! ```
//!
//! ```sql,valid
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint references customers,
//!                      payer bigint references customers);
//! create index on orders (customer);
//! create index on orders (payer);
//! ```
//!
//! ## Why
//!
//! Each insert checks both. Where they differ in what a delete does, which of them comes first is
//! decided by their names, and a delete that one of them would cascade may be refused by the other.
//!
//! ## Instead
//!
//! One of them. To change what a delete does, drop the old one in the same transaction.

use howdah_catalog::{Constraint, ConstraintKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0503",
    name: "foreign-key-duplicate",
    level: Level::Warning,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("foreign_key_duplicate.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let keys: Vec<&Constraint> = table
            .constraints
            .iter()
            .filter(|key| key.kind == ConstraintKind::ForeignKey && !key.inherited)
            .collect();
        for (at, key) in keys.iter().enumerate() {
            let same = |other: &&&Constraint| {
                other.references == key.references
                    && other.columns == key.columns
                    && other.referenced_columns == key.referenced_columns
            };
            let Some(other) = keys[..at].iter().find(same) else { continue };
            let finding = findings.add(
                Subject::Constraint(table.name.clone(), key.name.clone()),
                format!(
                    "foreign key \"{}\" of \"{}\" says the same as \"{}\"",
                    key.name.as_str(),
                    table.name.plain(),
                    other.name.as_str()
                ),
            );
            finding.proved(proof::constraint(
                table,
                key,
                "exists (select from pg_constraint o where o.conrelid = k.conrelid\n    \
                 and o.oid <> k.oid and o.contype = 'f' and o.confrelid = k.confrelid\n    \
                 and o.conkey = k.conkey and o.confkey = k.confkey)",
            ));
            // Which of two different ones is meant, nobody but their author knows.
            if key.definition == other.definition {
                let sql = format!("alter table {} drop constraint {}", table.name, key.name);
                finding.fix(vec![sql]);
            } else {
                finding.hint("Keep the one that does on delete what is meant.");
            }
        }
    }
}
