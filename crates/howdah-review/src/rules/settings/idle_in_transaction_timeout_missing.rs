//! A session may sit in an open transaction for ever.
//!
//! ```sql,invalid,live
//! select 1;
//! ```
//!
//! ```sql,valid,live
//! do $$ begin
//!     execute format($q$alter database %I set idle_in_transaction_session_timeout = '1min'$q$,
//!                    current_database());
//! end $$;
//! ```
//!
//! ## Why
//!
//! An application that forgot to commit holds its locks, and no row that died since can be cleaned.
//!
//! ## Instead
//!
//! `alter database … set idle_in_transaction_session_timeout = '1min'`.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1007",
    name: "idle-in-transaction-timeout-missing",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("idle_in_transaction_timeout_missing.rs"),
    check,
};

const NAME: &str = "idle_in_transaction_session_timeout";

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let off = in_use.settings.get(NAME).is_some_and(|value| value == "0");
    let assigned = in_use.assigned.iter().filter_map(|setting| setting.split_once('='));
    if !off || assigned.into_iter().any(|(name, _)| name == NAME) {
        return;
    }
    let sql = format!("select name from pg_settings where name = '{NAME}' and reset_val = '0'");
    findings
        .add(
            Subject::Named("setting", NAME.to_owned()),
            "a session may sit in an open transaction for ever",
        )
        .hint(format!("Run: alter database … set {NAME} = '1min'."))
        .proved(Reproducer::query(sql))
        .set(NAME, "60000");
}
