//! A column is made not null, and the table is read from end to end under the lock.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! -- file: 0002_required.sql
//! alter table orders alter column amount set not null;
//! ```
//!
//! A check that was validated before says it already, so that nothing is read:
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric);
//! -- file: 0002_check.sql
//! alter table orders add constraint orders_amount check (amount is not null) not valid;
//! -- file: 0003_validate.sql
//! alter table orders validate constraint orders_amount;
//! -- file: 0004_required.sql
//! alter table orders alter column amount set not null;
//! alter table orders drop constraint orders_amount;
//! ```
//!
//! ## Why
//!
//! The table is locked with ACCESS EXCLUSIVE while every row is looked at: nobody can read or
//! write.
//!
//! ## Instead
//!
//! Up to PostgreSQL 17: a check `is not null` that is not valid, its validation in a later
//! migration, then `set not null`, and the check is dropped. From 18 on: `add constraint … not
//! null … not valid`, and its validation later.

use howdah_catalog::Ident;
use howdah_sql::command::{AlterAction, AlterTable, Command};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0206",
    name: "set-not-null-reads-all-rows",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("set_not_null_reads_all_rows.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        let column = table.actions.iter().find_map(|(action, _)| match action {
            AlterAction::SetNotNull(column) => Some(column),
            _ => None,
        });
        let Some(column) = column else { continue };
        let Some(reproducer) = proof::scanned(facts, id, &table.name) else { continue };
        let newest = facts.server_version().is_some_and(|version| version >= 180_000);
        let hint = if newest {
            "Add it as a constraint \"not null … not valid\", and validate it later."
        } else {
            "Add a check \"is not null\" that is not valid, validate it in a later migration, and \
             set it not null then: nothing is read."
        };
        let message = format!(
            "nobody can use \"{}\" while it is read to make \"{column}\" not null",
            table.name.plain()
        );
        let finding = findings.add(Subject::Statement(id), message);
        finding.hint(hint).proved(reproducer);
        if table.actions.len() == 1 && !facts.files[statement.file].transactional {
            finding.instead(id, instead(table, column, facts.text(id)));
        }
    }
}

fn instead(table: &AlterTable, column: &str, text: &str) -> Vec<String> {
    let relation = proof::quoted(&table.name);
    let name = Ident::new(format!("{}_{column}_not_null", table.name.last()));
    let column = Ident::new(column);
    vec![
        format!(
            "alter table {relation} add constraint {name} check ({column} is not null) not valid"
        ),
        format!("alter table {relation} validate constraint {name}"),
        text.to_owned(),
        format!("alter table {relation} drop constraint {name}"),
    ]
}
