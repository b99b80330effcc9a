//! A constraint was added `not valid` and never validated.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! alter table orders add constraint positive check (amount > 0) not valid;
//! -- file: 0002_notes.sql
//! comment on table orders is 'what was ordered';
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, amount numeric);
//! alter table orders add constraint positive check (amount > 0) not valid;
//! alter table orders validate constraint positive;
//! ```
//!
//! The newest migration may add one: the next validates it.
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! -- file: 0002_positive.sql
//! alter table orders add constraint positive check (amount > 0) not valid;
//! ```
//!
//! ## Why
//!
//! Rows from before may violate it, each update of such a row fails, and the planner makes no use
//! of it. The second step was forgotten, or it failed.
//!
//! ## Instead
//!
//! `validate constraint`: reads and writes go on meanwhile. Where it fails, mend the rows first.

use howdah_catalog::{Constraint, ConstraintKind, Relation};
use howdah_sql::command::{AlterAction, Command};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0504",
    name: "constraint-not-validated",
    level: Level::Warning,
    group: Group::Keys,
    needs: &[Needs::Catalog],
    source: include_str!("constraint_not_validated.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        for constraint in table.constraints.iter().filter(|c| !c.validated && !c.inherited) {
            if constraint.kind == ConstraintKind::Trigger || is_new(facts, table, constraint) {
                continue;
            }
            let finding = findings.add(
                Subject::Constraint(table.name.clone(), constraint.name.clone()),
                format!(
                    "constraint \"{}\" of \"{}\" is not validated",
                    constraint.name.as_str(),
                    table.name.plain()
                ),
            );
            finding.detail("Rows from before it may violate it.");
            finding.proved(proof::constraint(table, constraint, "not k.convalidated"));
            finding.fix(vec![format!(
                "alter table {} validate constraint {}",
                table.name, constraint.name
            )]);
        }
    }
}

/// Whether the newest migration adds it.
fn is_new(facts: &Facts, table: &Relation, constraint: &Constraint) -> bool {
    let newest = facts.files.len().checked_sub(1);
    facts.statements().filter(|(_, statement)| Some(statement.file) == newest).any(
        |(_, statement)| match &statement.command {
            Command::AlterTable(altered) => {
                altered.name.last() == table.name.name.as_str()
                    && altered.actions.iter().any(|(action, _)| match action {
                        AlterAction::AddConstraint(added) => {
                            added.not_valid
                                && added
                                    .name
                                    .as_ref()
                                    .is_none_or(|name| *name == constraint.name.as_str())
                        }
                        _ => false,
                    })
            }
            _ => false,
        },
    )
}
