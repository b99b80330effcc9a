//! A constraint is added as not valid and validated in the same transaction, which gains nothing.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! -- file: 0002_check.sql
//! alter table orders add constraint orders_amount check (amount > 0) not valid;
//! alter table orders validate constraint orders_amount;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! -- file: 0002_check.sql
//! alter table orders add constraint orders_amount check (amount > 0) not valid;
//! -- file: 0003_check.sql
//! alter table orders validate constraint orders_amount;
//! ```
//!
//! ## Why
//!
//! The strong lock of the first statement is held while the second one reads the whole table.
//!
//! ## Instead
//!
//! Validate in a migration of its own: the validation alone takes a lock that lets readers and
//! writers through.

use howdah_sql::command::{AlterAction, Command};

use crate::facts::{Facts, LockMode};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0222",
    name: "validated-in-same-transaction",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("validated_in_same_transaction.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let validates = table
            .actions
            .iter()
            .any(|(action, _)| matches!(action, AlterAction::ValidateConstraint(_)));
        if !validates {
            continue;
        }
        let mode = LockMode::ShareRowExclusive;
        let Some((_, mode, reproducer)) = proof::locked_meanwhile(facts, id, &table.name, mode)
        else {
            continue;
        };
        findings
            .add(
                Subject::Statement(id),
                format!(
                    "\"{}\" is validated under the lock that adding the constraint took",
                    table.name.plain()
                ),
            )
            .detail(format!("The transaction holds a {mode} lock meanwhile."))
            .hint("Validate in a migration of its own.")
            .proved(reproducer);
    }
}
