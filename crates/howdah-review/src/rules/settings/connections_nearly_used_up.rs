//! Nearly all connections that the server allows are in use.
//!
//! ```sql,invalid,live,alone
//! -- server: max_connections = 12
//! -- session: a
//! select 1;
//! -- session: b
//! select 1;
//! -- session: c
//! select 1;
//! -- session: d
//! select 1;
//! -- session: e
//! select 1;
//! -- session: f
//! select 1;
//! -- session: g
//! select 1;
//! ```
//!
//! ```sql,valid,live,alone
//! -- server: max_connections = 30
//! -- session: a
//! select 1;
//! -- session: b
//! select 1;
//! -- session: c
//! select 1;
//! -- session: d
//! select 1;
//! -- session: e
//! select 1;
//! -- session: f
//! select 1;
//! -- session: g
//! select 1;
//! ```
//!
//! ## Why
//!
//! The next one is refused, and the application cannot tell why.
//!
//! ## Instead
//!
//! Pools that are smaller, or one before the server (PgBouncer); sessions that sit idle in a
//! transaction are ended by `idle_in_transaction_session_timeout`. A larger `max_connections` needs
//! a restart and memory.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1014",
    name: "connections-nearly-used-up",
    level: Level::Error,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("connections_nearly_used_up.rs"),
    check,
};

/// From this part on, in percent.
const PART: i64 = 90;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let number = |name: &str| in_use.settings.get(name)?.parse::<i64>().ok();
    let (Some(counters), Some(most), Some(superusers)) = (
        in_use.health.counters,
        number("max_connections"),
        number("superuser_reserved_connections"),
    ) else {
        return;
    };
    // Since version 16 some are kept for a role too.
    let reserved = superusers + number("reserved_connections").unwrap_or(0);
    let left = (most - reserved).max(1);
    if counters.sessions.saturating_mul(100) < left.saturating_mul(PART) {
        return;
    }
    findings
        .add(
            Subject::Named("setting", "max_connections".to_owned()),
            format!("{} of {left} connections are in use", counters.sessions),
        )
        .detail(format!("max_connections is {most}, of which {reserved} are kept."))
        .hint("Make the pools smaller, or put one before the server.")
        .proved(Reproducer::query(format!(
            "select count(*) from pg_stat_activity\n  \
             where datid is not null and usesysid is not null and leader_pid is null\n  \
             having count(*) * 100 >= {left} * {PART}"
        )));
}
