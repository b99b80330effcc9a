//! Prisma's `$executeRaw` is given a query, and gives a number instead of its rows.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table daily (day date primary key);
//! -- file: src/report.ts
//! const rows = await prisma.$executeRaw`SELECT * FROM daily`;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table daily (day date primary key);
//! -- file: src/report.ts
//! const rows = await prisma.$queryRaw`SELECT * FROM daily`;
//! // await prisma.$executeRaw`SELECT 1`;
//! await tx.$executeRaw`SELECT pg_advisory_xact_lock(1)`;
//! await tx.$executeRaw`SELECT day FROM daily WHERE day = ${day} FOR UPDATE`;
//! await prisma.$executeRaw`UPDATE daily SET day = day WHERE day = ${day}`;
//! ```
//!
//! ## Why
//!
//! `$executeRaw` returns how many rows a statement touched. What was selected is thrown away. A
//! function that is called for what it does, without a `from`, has nothing to be thrown away, and
//! rows that are locked need not be seen.
//!
//! ## Instead
//!
//! `$queryRaw`, or `$queryRawTyped` for rows with types.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::rule::{Group, Needs, Rule};
use crate::source::Language;

pub(super) const RULE: Rule = Rule {
    code: "HR1301",
    name: "execute-raw-select",
    level: Level::Error,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("execute_raw_select.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for file in facts.sources.iter().filter(|file| file.language == Language::TypeScript) {
        for (string, sql) in file.sql() {
            let before = file.code[..string.span.start - 1].trim_end_matches(['(', ' ', '\n']);
            let raw =
                ["$executeRaw", "$executeRawUnsafe"].iter().any(|call| before.ends_with(call));
            let locks = [" for update", " for no key update", " for share", " for key share"];
            let for_itself = !sql.contains(" from ") || locks.iter().any(|lock| sql.contains(lock));
            if raw && sql.starts_with("select ") && !for_itself {
                let finding = findings.add(
                    file.subject(string.span.start),
                    "$executeRaw gives the number of rows of a SELECT, not the rows",
                );
                finding.place = Some(file.place(string.span.clone()));
                finding.hint("Use $queryRaw.");
            }
        }
    }
}
