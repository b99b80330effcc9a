//! The pools that logins may open are together larger than the server.
//!
//! ```sql,invalid,live,alone
//! create role clerk login connection limit 290;
//! create role robot login connection limit 290;
//! ```
//!
//! A limit of what cannot log in, or none at all, says nothing of a pool:
//!
//! ```sql,valid,live,alone
//! create role clerk login connection limit 290;
//! create role many nologin connection limit 290;
//! create role anybody login;
//! ```
//!
//! ## Why
//!
//! Each pool is within its limit when the server refuses the next connection.
//!
//! ## Instead
//!
//! Limits that add up to less than `max_connections`, or a pool before the server that shares them.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1015",
    name: "connection-limits-exceed-server",
    level: Level::Notice,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("connection_limits_exceed_server.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let number = |name: &str| in_use.settings.get(name)?.parse::<i64>().ok();
    let (Some(most), Some(superusers)) =
        (number("max_connections"), number("superuser_reserved_connections"))
    else {
        return;
    };
    let left = most - superusers - number("reserved_connections").unwrap_or(0);
    let limits = &in_use.health.connection_limits;
    let all: i64 = limits.iter().map(|(_, limit)| limit).sum();
    // One that alone may have all of them is not limited in earnest.
    if limits.len() < 2 || all <= left || limits.iter().any(|(_, limit)| *limit >= left) {
        return;
    }
    let named: Vec<String> =
        limits.iter().map(|(login, limit)| format!("\"{login}\" {limit}")).collect();
    findings
        .add(
            Subject::Named("setting", "max_connections".to_owned()),
            format!("logins may open {all} connections, and the server has {left} for them"),
        )
        .detail(format!("{}.", named.join(", ")))
        .hint("Lower the limits, or share a pool before the server.")
        .proved(Reproducer::query(format!(
            "select sum(rolconnlimit) from pg_roles\n  \
             where rolcanlogin and rolconnlimit > 0 and not rolsuper\n  \
             having sum(rolconnlimit) > {left}"
        )));
}
