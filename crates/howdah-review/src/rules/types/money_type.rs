//! A column has the type `money`.
//!
//! ```sql,invalid
//! create table invoices (id bigint primary key, total money not null);
//! ```
//!
//! ```sql,valid
//! create table invoices (id bigint primary key, total numeric(19, 4) not null,
//!                        money text, currency char(3) check (length(currency) = 3));
//! ```
//!
//! ## Why
//!
//! The currency and the number of digits come from `lc_monetary` of whoever looks: under another
//! setting the same bytes are another amount. It has a fixed number of digits, and dividing it
//! rounds.
//!
//! ## Instead
//!
//! `numeric`, and the currency in a column beside it.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0303",
    name: "money-type",
    level: Level::Warning,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("money_type.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for column in table.columns.iter().filter(|column| column.type_base == "money") {
            let finding = findings.add(
                Subject::Column(table.name.clone(), column.name.clone()),
                format!("column \"{}\" has the type money", column.name.as_str()),
            );
            finding.detail("Its currency and its digits depend on lc_monetary of the session.");
            finding.hint("Use numeric, and keep the currency beside it.");
            finding.proved(proof::column(table, column, "a.atttypid = 'money'::regtype"));
            // A default would not follow.
            if column.default.is_none() && column.generated.is_none() {
                finding.fix(vec![format!(
                    "alter table {} alter column {name} type numeric using {name}::numeric",
                    table.name,
                    name = column.name
                )]);
            }
        }
    }
}
