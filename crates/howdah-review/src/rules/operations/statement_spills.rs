//! A statement sorts or hashes on disk at every call.
//!
//! ```sql,invalid,live
//! -- server: pg_stat_statements.track = all
//! -- server: work_mem = 64kB
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, note text);
//! insert into orders select n, md5(n::text) from generate_series(1, 8000) n;
//! do $$ declare x text; begin
//!     for n in 1..60 loop
//!         execute 'select max(note) from (select note from orders order by note offset 0) x'
//!             into x;
//!     end loop;
//! end $$;
//! ```
//!
//! One report a night may do so:
//!
//! ```sql,valid,live
//! -- server: pg_stat_statements.track = all
//! -- server: work_mem = 64kB
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, note text);
//! insert into orders select n, md5(n::text) from generate_series(1, 8000) n;
//! select max(note) from (select note from orders order by note offset 0) x;
//! ```
//!
//! ## Why
//!
//! What does not fit into `work_mem` is written to a temporary file and read again, each time.
//!
//! ## Instead
//!
//! An index in the order that is asked for, fewer rows or columns, or a larger `work_mem` for the
//! login that runs it: a larger one for all is multiplied by all sessions.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::workload;

pub(super) const RULE: Rule = Rule {
    code: "HR1118",
    name: "statement-spills",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("statement_spills.rs"),
    check,
};

/// Fewer calls are no workload.
const LEAST_CALLS: i64 = 50;
/// Bytes in all that are nobody's trouble.
const LEAST: i64 = 8 << 20;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    let work_mem = in_use.settings.get("work_mem").and_then(|kib| kib.parse::<i64>().ok());
    let Some(work_mem) = work_mem.map(|kib| kib << 10) else { return };
    for statement in in_use.workload.iter().flatten() {
        let each = statement.temporary_bytes / statement.calls.max(1);
        // Less than a sort's memory each time is the spill of some of the calls alone.
        if statement.calls < LEAST_CALLS || statement.temporary_bytes < LEAST || each < work_mem {
            continue;
        }
        let shown = workload::shown(&statement.query);
        let sql = format!(
            "select query from {} where query = {} and temp_blks_written >= calls",
            statement.view,
            Literal(&statement.query)
        );
        findings
            .add(
                Subject::Named("statement", shown.clone()),
                format!("a statement writes {} kB to temporary files at each call", each >> 10),
            )
            .detail(format!(
                "{shown}: {} calls; work_mem is {} kB here.",
                statement.calls,
                work_mem >> 10
            ))
            .hint("Give it an index in its order, or its login a larger work_mem.")
            .proved(Reproducer::query(sql));
    }
}
