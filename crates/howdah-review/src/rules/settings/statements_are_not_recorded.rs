//! Nothing says which statements take the time.
//!
//! ```sql,invalid,live
//! -- server: log_min_duration_statement = -1
//! select 1;
//! ```
//!
//! A log of slow statements says some of it:
//!
//! ```sql,valid,live
//! -- server: log_min_duration_statement = 500
//! select 1;
//! ```
//!
//! ```sql,valid,live
//! create extension pg_stat_statements;
//! ```
//!
//! ## Why
//!
//! The slowest statement is seldom the one that takes the most time in all.
//!
//! ## Instead
//!
//! `shared_preload_libraries = 'pg_stat_statements'`, a restart, and `create extension`; or at
//! least `log_min_duration_statement`.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1010",
    name: "statements-are-not-recorded",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("statements_are_not_recorded.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(in_use), Some(catalog)) = (&facts.in_use, &facts.catalog) else { return };
    let recorded = catalog.extensions.keys().any(|name| name.as_str() == "pg_stat_statements");
    let logged = in_use
        .settings
        .get("log_min_duration_statement")
        .is_none_or(|milliseconds| milliseconds != "-1");
    if recorded || logged {
        return;
    }
    let sql = "select 'neither' where not exists\n  \
               (select from pg_extension where extname = 'pg_stat_statements')\n  \
               and current_setting('log_min_duration_statement') = '-1'";
    findings
        .add(Subject::Database, "nothing says which statements take the time")
        .hint("Load pg_stat_statements, or set log_min_duration_statement.")
        .proved(Reproducer::query(sql));
}
