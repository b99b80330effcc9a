//! A database is there whose `drop database` was interrupted.
//!
//! ```sql,invalid,live,alone
//! create database half_gone;
//! update pg_database set datconnlimit = -2 where datname = 'half_gone';
//! ```
//!
//! One that takes no connections may be meant so:
//!
//! ```sql,valid,live,alone
//! create database closed;
//! alter database closed allow_connections false;
//! alter database closed connection limit 0;
//! ```
//!
//! ## Why
//!
//! Nobody can connect to it, and it keeps its files. Versions of PostgreSQL since August 2023 mark
//! it.
//!
//! ## Instead
//!
//! `drop database` once more.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1109",
    name: "database-invalid",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("database_invalid.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for name in &in_use.invalid_databases {
        let sql = format!(
            "select datname from pg_database where datname = {} and datconnlimit = -2",
            Literal(name)
        );
        findings
            .add(
                Subject::Named("database", name.clone()),
                format!("database \"{name}\" was dropped by half"),
            )
            .hint("Run drop database once more.")
            .proved(Reproducer::query(sql));
    }
}
