//! A foreign key is added to a table that may hold rows, and all of them are checked under the
//! lock.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint);
//! -- file: 0002_key.sql
//! alter table orders add constraint orders_customer foreign key (customer) references customers;
//! ```
//!
//! A table of the same file is empty; what is not valid is checked later, in another transaction:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint);
//! alter table orders add constraint orders_one foreign key (customer) references customers;
//! -- file: 0002_key.sql
//! alter table orders add constraint orders_two
//!     foreign key (customer) references customers not valid;
//! -- file: 0003_check.sql
//! alter table orders validate constraint orders_two;
//! ```
//!
//! ## Why
//!
//! A SHARE ROW EXCLUSIVE lock on both tables is held while every row is looked up: inserts,
//! updates and deletes of both wait.
//!
//! ## Instead
//!
//! Add it as `not valid`, which holds for new rows at once and reads nothing, and validate it in a
//! later migration: that takes a lock which lets writers through.

use howdah_sql::command::{
    AlterAction, AlterTable, ColumnConstraint, Command, References, TableConstraint,
};

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::{proof, rephrase};

pub(super) const RULE: Rule = Rule {
    code: "HR0204",
    name: "foreign-key-checks-all-rows",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("foreign_key_checks_all_rows.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let keys = table.actions.iter().filter_map(|(action, _)| other_side(action));
        for (other, alone) in keys {
            let lock = proof::locked(facts, id, &table.name, LockMode::ShareRowExclusive);
            let Some((_, reproducer)) = lock else { continue };
            let finding = findings.add(
                Subject::Statement(id),
                format!(
                    "writers of \"{}\" and \"{}\" wait while a foreign key is checked",
                    table.name.plain(),
                    other.table.plain()
                ),
            );
            finding.proved(reproducer);
            if is_partitioned(facts, table) {
                // PostgreSQL 15 to 17 have no such key that is not valid.
                continue;
            }
            finding.hint("Add it not valid, and validate it in a migration of its own.");
            if alone {
                let (changed, validations) = rephrase::not_valid(facts.text(id), table);
                if facts.files[statement.file].transactional {
                    finding.instead(id, vec![changed]).later(validations);
                } else {
                    finding.instead(id, [vec![changed], validations].concat());
                }
            }
        }
    }
}

/// The other side of a key that is checked at once, and whether it is an action of its own.
fn other_side(action: &AlterAction) -> Option<(&References, bool)> {
    match action {
        AlterAction::AddConstraint(constraint) if !constraint.not_valid => {
            match &constraint.constraint {
                TableConstraint::ForeignKey { references, .. } => Some((references, true)),
                _ => None,
            }
        }
        AlterAction::AddColumn(column) => {
            column.constraints.iter().find_map(|constraint| match constraint {
                ColumnConstraint::References(references) => Some((references, false)),
                _ => None,
            })
        }
        _ => None,
    }
}

fn is_partitioned(facts: &Facts, table: &AlterTable) -> bool {
    let catalog = facts.catalog.as_ref().filter(|catalog| catalog.server.version_num < 180_000);
    let relation = catalog.and_then(|catalog| {
        catalog.relations.values().find(|relation| relation.name.name.as_str() == table.name.last())
    });
    relation.is_some_and(|relation| relation.partitioning.is_some())
}
