//! One statement takes a large part of the time of all.
//!
//! ```sql,invalid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! select pg_sleep(1.1);
//! select 1;
//! ```
//!
//! Where nothing takes any time, nothing is large:
//!
//! ```sql,valid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! select count(*) from generate_series(1, 1000) n;
//! ```
//!
//! ## Why
//!
//! Work on any other statement gains less. It is seldom the slowest one: a fast one that is run
//! often takes more in all.
//!
//! ## Instead
//!
//! Look at its plan (`explain (analyze, buffers)`), and at whether it has to be run so often.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::workload;

pub(super) const RULE: Rule = Rule {
    code: "HR1117",
    name: "statement-takes-the-time",
    level: Level::Info,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("statement_takes_the_time.rs"),
    check,
};

/// A smaller part is one of many.
const SHARE: f64 = 0.2;
/// Less is nobody's trouble.
const LEAST_MS: f64 = 1_000.0;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let workload = facts.in_use.as_ref().and_then(|in_use| in_use.workload.as_ref());
    for statement in workload.into_iter().flatten() {
        if statement.share < SHARE || statement.total_ms < LEAST_MS {
            continue;
        }
        let shown = workload::shown(&statement.query);
        let sql = format!(
            "select query from {view} where query = {}\n  \
             and total_exec_time >= {SHARE} * (\n    \
             select sum(s.total_exec_time) from {view} s join pg_database d on d.oid = s.dbid\n    \
             where d.datname = current_database())",
            Literal(&statement.query),
            view = statement.view
        );
        findings
            .add(
                Subject::Named("statement", shown.clone()),
                format!(
                    "a statement takes {:.0} % of the time of all of this database",
                    statement.share * 100.0
                ),
            )
            .detail(format!(
                "{shown}: {} calls, {:.2} ms each, {:.1} rows each.",
                statement.calls,
                statement.total_ms / statement.calls.max(1) as f64,
                statement.rows as f64 / statement.calls.max(1) as f64
            ))
            .proved(Reproducer::query(sql));
    }
}
