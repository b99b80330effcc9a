//! A query gives thousands of rows at every call, and nothing limits them.
//!
//! ```sql,invalid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, note text);
//! insert into orders select n, 'x' from generate_series(1, 12000) n;
//! do $$ begin
//!     for n in 1..60 loop
//!         execute 'select * from orders where note = $1' using 'x';
//!     end loop;
//! end $$;
//! ```
//!
//! A nightly export, and a query that gives one page:
//!
//! ```sql,valid,live
//! -- server: pg_stat_statements.track = all
//! create extension pg_stat_statements;
//! create table orders (id bigint primary key, note text);
//! insert into orders select n, 'x' from generate_series(1, 12000) n;
//! select * from orders;
//! do $$ begin
//!     for n in 1..60 loop
//!         execute 'select * from orders order by id limit 50';
//!     end loop;
//! end $$;
//! ```
//!
//! ## Why
//!
//! No page shows ten thousand rows: they are counted, filtered or thrown away by the application,
//! after they were read, sent and kept in its memory.
//!
//! ## Instead
//!
//! Count, filter and sum in the query; `limit`, and the next page by key.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::workload;

pub(super) const RULE: Rule = Rule {
    code: "HR1119",
    name: "query-gives-thousands-of-rows",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("query_gives_thousands_of_rows.rs"),
    check,
};

/// Fewer calls are a job.
const LEAST_CALLS: i64 = 50;
/// Rows of a call that nobody looks at.
const LEAST_ROWS: i64 = 10_000;

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let workload = facts.in_use.as_ref().and_then(|in_use| in_use.workload.as_ref());
    for statement in workload.into_iter().flatten() {
        let text = statement.query.to_ascii_lowercase();
        let each = statement.rows / statement.calls.max(1);
        let limited = text.contains("limit") || text.contains("fetch");
        let reads = text.trim_start().starts_with("select");
        if !reads || limited || statement.calls < LEAST_CALLS || each < LEAST_ROWS {
            continue;
        }
        let shown = workload::shown(&statement.query);
        let sql = format!(
            "select query from {} where query = {} and rows >= {LEAST_ROWS} * calls",
            statement.view,
            Literal(&statement.query)
        );
        findings
            .add(
                Subject::Named("statement", shown.clone()),
                format!("a query gives {each} rows at each call"),
            )
            .detail(format!("{shown}: {} calls.", statement.calls))
            .hint("Count and filter in the query, and give a page by its key.")
            .proved(Reproducer::query(sql));
    }
}
