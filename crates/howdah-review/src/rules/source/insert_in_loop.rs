//! Rows are inserted one by one in a loop.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table trade (id bigint primary key);
//! -- file: src/store.ts
//! for (const trade of trades) {
//!   await db.query("INSERT INTO trade (id) VALUES ($1)", [trade.id]);
//! }
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table trade (id bigint primary key);
//! -- file: src/store.ts
//! for (const trade of trades) {
//!   ids.push(trade.id);
//! }
//! await db.query("INSERT INTO trade (id) SELECT unnest($1::bigint[])", [ids]);
//! // for (const a of b) { db.query("INSERT INTO trade VALUES (1)") }
//! ```
//!
//! ## Why
//!
//! Each row pays a round trip, a parse and, without a transaction, a wait for the disk. A hundred
//! rows in one statement are some ten times as fast.
//!
//! ## Instead
//!
//! One statement with arrays and `unnest`, with many rows in `values`, or `copy`.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1303",
    name: "insert-in-loop",
    level: Level::Notice,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("insert_in_loop.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for file in &facts.sources {
        let loops = file.loops();
        for (string, sql) in file.sql() {
            let at = string.span.start;
            let batched = sql.contains("unnest(");
            if sql.starts_with("insert into ")
                && !batched
                && loops.iter().any(|body| body.contains(&at))
            {
                let finding =
                    findings.add(file.subject(at), "rows are inserted one by one in a loop");
                finding.place = Some(file.place(string.span.clone()));
                finding.hint("Insert them by one statement with arrays and unnest.");
            }
        }
    }
}
