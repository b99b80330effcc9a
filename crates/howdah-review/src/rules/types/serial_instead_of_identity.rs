//! A key is made by `serial` rather than as an identity column.
//!
//! ```sql,invalid
//! create table orders (id bigserial primary key, note text);
//! ```
//!
//! A sequence that several columns share is meant so:
//!
//! ```sql,valid
//! create table orders (id bigint generated always as identity primary key, note text);
//! create sequence numbers;
//! create table bills (id bigint primary key default nextval('numbers'));
//! ```
//!
//! ## Why
//!
//! A `serial` is a default and a sequence beside the table: the right to insert is not enough
//! without one on the sequence, a value that is written by hand is taken silently and later given
//! out again, and a copy of the table by `like` shares the sequence.
//!
//! ## Instead
//!
//! `bigint generated always as identity`. Nothing has to be done at once.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::migrations::rails;
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0305",
    name: "serial-instead-of-identity",
    level: Level::Info,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("serial_instead_of_identity.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    // Rails makes its keys so, whatever its users write.
    if facts.files.iter().any(|file| rails::is_schema(&file.path)) {
        return;
    }
    for table in facts.tables() {
        for column in &table.columns {
            // What `serial` names its sequence.
            let own = format!("{}_{}_seq", table.name.name.as_str(), column.name.as_str());
            let serial = column.default.as_deref().is_some_and(|default| {
                default.starts_with("nextval(") && default.contains(own.as_str())
            });
            if !serial || column.identity.is_some() {
                continue;
            }
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!("column \"{}\" is a serial", column.name.as_str()),
                )
                .hint("Write generated always as identity in new tables.")
                .proved(proof::column(
                    table,
                    column,
                    "exists (select from pg_attrdef d where d.adrelid = a.attrelid\n    \
                     and d.adnum = a.attnum\n    \
                     and pg_get_expr(d.adbin, d.adrelid) like 'nextval(%')",
                ));
        }
    }
}
