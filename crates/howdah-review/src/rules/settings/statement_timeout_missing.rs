//! No statement is ever ended for taking too long.
//!
//! ```sql,invalid,live
//! select 1;
//! ```
//!
//! A limit for the database or for a role is a limit:
//!
//! ```sql,valid,live
//! do $$ begin
//!     execute format($q$alter database %I set statement_timeout = '30s'$q$, current_database());
//! end $$;
//! ```
//!
//! ## Why
//!
//! One query without an end holds a connection, keeps vacuum from cleaning, and lets a deploy wait
//! behind it.
//!
//! ## Instead
//!
//! `alter role … set statement_timeout = '30s'` for the application's login; jobs that may be long
//! get another login.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1006",
    name: "statement-timeout-missing",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("statement_timeout_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let off = in_use.settings.get("statement_timeout").is_some_and(|value| value == "0");
    if !off || in_use.assigned.iter().any(|setting| setting.starts_with("statement_timeout=")) {
        return;
    }
    let sql = "select name from pg_settings where name = 'statement_timeout' and reset_val = '0'";
    findings
        .add(
            Subject::Named("setting", "statement_timeout".to_owned()),
            "no statement is ever ended for taking too long",
        )
        .hint("Run: alter role … set statement_timeout = '30s', for the application's login.")
        .proved(Reproducer::query(sql));
}
