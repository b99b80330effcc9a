//! Pages that a crash tears cannot be repaired.
//!
//! ```sql,invalid,live,alone
//! -- server: full_page_writes = off
//! select 1;
//! ```
//!
//! ```sql,valid,live,alone
//! -- server: full_page_writes = on
//! select 1;
//! ```
//!
//! ## Why
//!
//! A page of 8 KiB is written in several parts. The log repairs a torn one only when it holds the
//! whole page.
//!
//! ## Instead
//!
//! `full_page_writes = on`, with `wal_compression` when there is too much log. A file system that
//! never tears a page may do without.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1002",
    name: "full-page-writes-off",
    level: Level::Error,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("full_page_writes_off.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    if in_use.settings.get("full_page_writes").is_none_or(|value| value != "off") {
        return;
    }
    let sql = "select name, setting from pg_settings\n  \
               where name = 'full_page_writes' and setting = 'off'";
    findings
        .add(
            Subject::Named("setting", "full_page_writes".to_owned()),
            "a crash may tear pages beyond repair: full_page_writes is off",
        )
        .hint("Set full_page_writes to on.")
        .proved(Reproducer::query(sql))
        .set("full_page_writes", "on");
}
