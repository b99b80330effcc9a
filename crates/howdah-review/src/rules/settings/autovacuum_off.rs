//! Nothing is vacuumed or analyzed by itself.
//!
//! ```sql,invalid,live,alone
//! -- server: autovacuum = off
//! select 1;
//! ```
//!
//! ```sql,valid,live,alone
//! -- server: autovacuum = on
//! select 1;
//! ```
//!
//! ## Why
//!
//! Dead rows stay, statistics age, and the transaction ids run out until the server refuses to
//! write.
//!
//! ## Instead
//!
//! `autovacuum = on`; a table that needs to be left alone for a while has a setting of its own.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1003",
    name: "autovacuum-off",
    level: Level::Error,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("autovacuum_off.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    if in_use.settings.get("autovacuum").is_none_or(|value| value != "off") {
        return;
    }
    let sql = "select name, setting from pg_settings\n  \
               where name = 'autovacuum' and setting = 'off'";
    findings
        .add(
            Subject::Named("setting", "autovacuum".to_owned()),
            "nothing is vacuumed or analyzed by itself: autovacuum is off",
        )
        .hint("Set autovacuum to on.")
        .proved(Reproducer::query(sql))
        .set("autovacuum", "on");
}
