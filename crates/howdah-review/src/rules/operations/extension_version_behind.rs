//! An extension is older in the database than on the server.
//!
//! ```sql,invalid,live
//! create extension pg_stat_statements version '1.9';
//! ```
//!
//! ```sql,valid,live
//! create extension pg_stat_statements;
//! ```
//!
//! ## Why
//!
//! The package brings a new library and a new script; each database keeps its old functions and
//! views until it is told. What the new version corrects is not corrected here, and after an
//! upgrade of the server old definitions may call what the library has no more.
//!
//! ## Instead
//!
//! `alter extension … update` in each database that has it.

use howdah_catalog::{Ident, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1122",
    name: "extension-version-behind",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("extension_version_behind.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for (name, installed, newest) in &in_use.health.extensions_behind {
        let sql = format!(
            "select e.extversion, a.default_version from pg_extension e\n  \
             join pg_available_extensions a on a.name = e.extname\n  \
             where e.extname = {} and e.extversion <> a.default_version",
            Literal(name)
        );
        findings
            .add(
                Subject::Named("extension", name.clone()),
                format!("extension \"{name}\" is {installed} here and {newest} on the server"),
            )
            .hint(format!("Run alter extension {} update.", Ident::new(name.as_str())))
            .proved(Reproducer::query(sql));
    }
}
