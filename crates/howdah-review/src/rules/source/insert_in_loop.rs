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
//! A statement that takes its rows from a query inserts many at once, and a migration is run once:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table trade (id bigint primary key);
//! -- file: src/store.ts
//! for (const batch of batches) {
//!   await db.query("INSERT INTO trade SELECT id FROM json_to_recordset($1) x(id int)", [batch]);
//!   await db.query(`INSERT INTO trade VALUES ${places(batch)}`, batch);
//! }
//! -- file: db/migrations/0002_move.ts
//! for (const trade of trades) {
//!   await db.query("INSERT INTO trade (id) VALUES ($1)", [trade.id]);
//! }
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
        if is_migration(&file.path) {
            continue;
        }
        let loops = file.loops();
        for (string, sql) in file.sql() {
            let at = string.span.start;
            let of_one_row = sql.contains(" values (") || sql.contains(" values(");
            let batched = sql.contains("unnest(") || sql.contains(" select ");
            if sql.starts_with("insert into ")
                && of_one_row
                && !batched
                && !file.is_printed(string)
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

/// Whether a program is a migration, which is run once, or what applies them.
fn is_migration(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    ["migration", "migrator", "/deltas/", "/seed", "backfill"]
        .iter()
        .any(|part| lower.contains(part))
}
