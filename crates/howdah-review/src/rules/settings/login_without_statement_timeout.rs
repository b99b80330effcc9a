//! Some logins have a limit for their statements, and one that is at work here has none.
//!
//! ```sql,invalid,live,alone
//! create role clerk login password 'clerk';
//! create role robot login password 'robot';
//! alter role robot set statement_timeout = '10s';
//! -- session: clerk
//! select 1;
//! -- session: robot
//! select 1;
//! ```
//!
//! A limit of the database is one for all of its logins:
//!
//! ```sql,valid,live,alone
//! create role clerk login password 'clerk';
//! create role robot login password 'robot';
//! do $$ begin
//!     execute format($q$alter database %I set statement_timeout = '30s'$q$, current_database());
//! end $$;
//! -- session: clerk
//! select 1;
//! -- session: robot
//! select 1;
//! ```
//!
//! ## Why
//!
//! The one that was forgotten is the one whose query has no end.
//!
//! ## Instead
//!
//! `alter role … set statement_timeout = '30s'`; a login of its own, without a limit, for jobs.

use howdah_catalog::{Ident, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1016",
    name: "login-without-statement-timeout",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("login_without_statement_timeout.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    // Where nothing has a limit, statement-timeout-missing says so.
    if !in_use.assigned.iter().any(|setting| setting.starts_with("statement_timeout=")) {
        return;
    }
    for login in &in_use.health.unlimited_logins {
        let sql = format!(
            "select a.usename from pg_stat_activity a\n  \
             where a.usename = {login} and a.datname = current_database() and not exists (\n    \
             select from pg_db_role_setting s cross join unnest(s.setconfig) o\n    \
             where s.setrole in (0, a.usesysid) and s.setdatabase in (0, a.datid)\n    \
             and o like 'statement_timeout=%' and split_part(o, '=', 2) <> '0')",
            login = Literal(login)
        );
        findings
            .add(
                Subject::Named("login", login.clone()),
                format!("statements of \"{login}\" are never ended for taking too long"),
            )
            .hint(format!(
                "Run: alter role {} set statement_timeout = '30s'.",
                Ident::new(login.as_str())
            ))
            .proved(Reproducer::query(sql));
    }
}
