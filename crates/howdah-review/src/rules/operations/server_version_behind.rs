//! The server gets no more corrections, or lacks some that were published.
//!
//! ```sql,invalid,live
//! -- today: 2040-01-01
//! select 1;
//! ```
//!
//! ```sql,valid,live
//! select 1;
//! ```
//!
//! ## Why
//!
//! A major version is corrected for five years; what is found afterwards in its access control or
//! its storage stays open. Minor versions hold nothing but corrections, come at least every quarter
//! (the second Thursday of February, May, August and November), and need no dump.
//!
//! How many minor versions there must be is counted by that schedule; that is an estimate from
//! below, for some were published between.
//!
//! ## Instead
//!
//! Install the last minor version and restart. Before the end of a major version: `pg_upgrade`, or
//! logical replication to a new server.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1121",
    name: "server-version-behind",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("server_version_behind.rs"),
    check,
};

/// Major versions, when each was published and when it ends (postgresql.org, versioning policy).
const MAJORS: &[(u32, &str, &str)] = &[
    (15, "2022-10-13", "2027-11-11"),
    (16, "2023-09-14", "2028-11-09"),
    (17, "2024-09-26", "2029-11-08"),
    (18, "2025-09-25", "2030-11-14"),
];
/// Days that a correction may wait.
const GRACE: i64 = 14;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let (Some(version), today) = (facts.server_version(), facts.today.as_str()) else { return };
    let (major, minor) = (version / 10_000, version % 10_000);
    let Some((_, since, end)) = MAJORS.iter().find(|(known, ..)| *known == major) else { return };
    let shown = || {
        Reproducer::query(format!(
            "select version() where current_setting('server_version_num')::int = {version}"
        ))
    };
    let subject = || Subject::Named("server", format!("PostgreSQL {major}"));
    if today >= *end {
        findings
            .add(subject(), format!("PostgreSQL {major} is not corrected any more since {end}"))
            .level(Level::Error)
            .hint("Upgrade to a version that is corrected.")
            .proved(shown());
        return;
    }
    let due = minors_due(since, today);
    if minor < due {
        findings
            .add(subject(), format!("PostgreSQL {major}.{minor} lacks corrections"))
            .detail(format!("By {today} there is {major}.{due} at least."))
            .hint("Install the last minor version and restart the server.")
            .estimated("by the schedule of minor releases, of which each quarter has one at least");
    }
}

/// How many minor versions must have been published by `today` of what was published at `since`.
fn minors_due(since: &str, today: &str) -> u32 {
    let (Some(since), Some(today)) = (days(since), days(today)) else { return 0 };
    let mut due = 0;
    let mut year = 2022;
    while days_of(year, 1, 1) <= today {
        for month in [2, 5, 8, 11] {
            let first = days_of(year, month, 1);
            // 1970-01-01, day 0, was a Thursday.
            let thursday = first + (7 - first.rem_euclid(7)) % 7 + 7;
            if thursday > since && thursday + GRACE <= today {
                due += 1;
            }
        }
        year += 1;
    }
    due
}

fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    Some(days_of(parts.next()??, parts.next()??, parts.next()??))
}

/// Days since 1970-01-01 in the Gregorian calendar (Hinnant, "chrono-compatible low-level date
/// algorithms", days_from_civil).
fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_versions_are_counted_by_their_schedule() {
        assert_eq!(days_of(1970, 1, 1), 0);
        assert_eq!(days_of(2000, 3, 1), 11_017);
        // 15.1 came on 2022-11-10, 15.2 on 2023-02-09, 15.5 on 2023-11-09.
        assert_eq!(minors_due("2022-10-13", "2022-11-09"), 0);
        assert_eq!(minors_due("2022-10-13", "2022-11-24"), 1);
        assert_eq!(minors_due("2022-10-13", "2023-12-01"), 5);
        // 17.1 came on 2024-11-14; 17.2 a week later was beyond the schedule.
        assert_eq!(minors_due("2024-09-26", "2025-01-01"), 1);
        assert_eq!(minors_due("2024-09-26", "soon"), 0);
    }
}
