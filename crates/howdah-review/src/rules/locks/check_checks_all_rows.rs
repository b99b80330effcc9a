//! A check is added to a table that may hold rows, and the table is read from end to end under the
//! lock.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! -- file: 0002_check.sql
//! alter table orders add constraint orders_amount check (amount > 0);
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! alter table orders add constraint orders_one check (amount > 0);
//! -- file: 0002_check.sql
//! alter table orders add constraint orders_two check (amount > 1) not valid;
//! -- file: 0003_check.sql
//! alter table orders validate constraint orders_two;
//! ```
//!
//! ## Why
//!
//! The table is locked with ACCESS EXCLUSIVE while every row is checked: nobody can read or write.
//!
//! ## Instead
//!
//! Add it as `not valid`, which holds for new rows at once and reads nothing, and validate it in a
//! later migration: that takes a lock which lets readers and writers through.

use howdah_sql::command::{AlterAction, ColumnConstraint, Command, TableConstraint};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::{proof, rephrase};

pub(super) const RULE: Rule = Rule {
    code: "HR0205",
    name: "check-checks-all-rows",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("check_checks_all_rows.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let Some(alone) = table.actions.iter().find_map(|(action, _)| adds_check(action)) else {
            continue;
        };
        let Some(reproducer) = proof::scanned(facts, id, &table.name) else { continue };
        let finding = findings.add(
            Subject::Statement(id),
            format!("nobody can use \"{}\" while a check reads all of it", table.name.plain()),
        );
        finding
            .hint("Add it not valid, and validate it in a migration of its own.")
            .proved(reproducer);
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

/// Whether the action adds a check that is checked at once; then, whether as an action of its own.
fn adds_check(action: &AlterAction) -> Option<bool> {
    match action {
        AlterAction::AddConstraint(constraint) => (!constraint.not_valid
            && matches!(constraint.constraint, TableConstraint::Check(_)))
        .then_some(true),
        AlterAction::AddColumn(column) => column
            .constraints
            .iter()
            .any(|constraint| matches!(constraint, ColumnConstraint::Check(_)))
            .then_some(false),
        _ => None,
    }
}
