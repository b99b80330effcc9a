//! Pages are taken by OFFSET.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table orders (id bigint primary key);
//! -- file: src/list.go
//! rows, err := db.Query("SELECT id FROM orders ORDER BY id LIMIT $1 OFFSET $2", size, at)
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table orders (id bigint primary key);
//! -- file: src/list.go
//! rows, err := db.Query("SELECT id FROM orders WHERE id > $2 ORDER BY id LIMIT $1", size, last)
//! // "SELECT id FROM orders LIMIT 1 OFFSET 2"
//! ```
//!
//! The key at which the next batch begins is one row, and is no page:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table orders (id bigint primary key);
//! -- file: src/batch.go
//! row := db.QueryRow("SELECT id FROM orders WHERE id > $1 ORDER BY id LIMIT 1 OFFSET $2", a, n)
//! ```
//!
//! ## Why
//!
//! The rows before the page are read and thrown away: a page behind a million rows reads a million.
//! And a row that is inserted meanwhile moves the pages, so that one is seen twice.
//!
//! ## Instead
//!
//! Go on behind the last key: `where (at, id) < ($1, $2) order by at desc, id desc limit …`.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1304",
    name: "offset-pages",
    level: Level::Notice,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("offset_pages.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for file in &facts.sources {
        for (string, sql) in file.sql() {
            let pages = sql.contains(" limit ") && sql.contains(" offset ");
            if pages && !sql.contains(" limit 1 offset ") {
                let finding =
                    findings.add(file.subject(string.span.start), "pages are taken by OFFSET");
                finding.place = Some(file.place(string.span.clone()));
                finding.hint("Go on behind the last key of the page before.");
            }
        }
    }
}
