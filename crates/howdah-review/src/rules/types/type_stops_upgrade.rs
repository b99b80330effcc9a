//! A column keeps internal numbers of the server, with which `pg_upgrade` refuses to begin.
//!
//! ```sql,invalid
//! create table jobs (id bigint primary key, calls regproc);
//! ```
//!
//! `regclass`, `regrole` and `regtype` are kept over an upgrade:
//!
//! ```sql,valid
//! create table jobs (id bigint primary key, reads regclass, owner regrole, gives regtype,
//!                    calls text);
//! ```
//!
//! ## Why
//!
//! Such a value is the number of a row of a system catalog. The next major version has other
//! numbers, so `pg_upgrade` stops at its first check until the column is gone.
//!
//! ## Instead
//!
//! `text`, cast where it is used.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0314",
    name: "type-stops-upgrade",
    level: Level::Warning,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("type_stops_upgrade.rs"),
    check,
};

/// Types that `pg_upgrade` refuses (PostgreSQL documentation, "pg_upgrade", notes).
const REFUSED: &[&str] = &[
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let refused = |base: &str| REFUSED.contains(&base.trim_start_matches('_'));
        for column in table.columns.iter().filter(|column| refused(&column.type_base)) {
            let finding = findings.add(
                Subject::Column(table.name.clone(), column.name.clone()),
                format!(
                    "column \"{}\" has a type that stops pg_upgrade: {}",
                    column.name.as_str(),
                    column.type_name
                ),
            );
            finding.hint("Keep it as text, and cast where it is used.");
            let types = REFUSED.join("', '");
            finding.proved(proof::column(
                table,
                column,
                &format!("replace(format_type(a.atttypid, null), '[]', '') in ('{types}')"),
            ));
            if column.default.is_none() && column.generated.is_none() {
                finding.fix(vec![format!(
                    "alter table {} alter column {name} type text{array} using {name}::text{array}",
                    table.name,
                    name = column.name,
                    array = if column.type_base.starts_with('_') { "[]" } else { "" }
                )]);
            }
        }
    }
}
