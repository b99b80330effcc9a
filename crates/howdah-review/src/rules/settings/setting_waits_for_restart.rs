//! A setting was changed and holds only after a restart.
//!
//! ```sql,invalid,live,alone
//! alter system set max_connections = 61;
//! select pg_reload_conf();
//! ```
//!
//! ```sql,valid,live,alone
//! alter system set log_min_duration_statement = 500;
//! select pg_reload_conf();
//! ```
//!
//! ## Why
//!
//! The server runs with another value than its files say, and the next restart, whenever it comes,
//! changes it.
//!
//! ## Instead
//!
//! Restart, or take the change back.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1009",
    name: "setting-waits-for-restart",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("setting_waits_for_restart.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for name in &in_use.pending_restart {
        let sql = format!(
            "select name from pg_settings where name = {} and pending_restart",
            Literal(name)
        );
        findings
            .add(
                Subject::Named("setting", name.clone()),
                format!("\"{name}\" was changed and waits for a restart"),
            )
            .proved(Reproducer::query(sql));
    }
}
