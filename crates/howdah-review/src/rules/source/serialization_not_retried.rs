//! Transactions are serializable, and nothing tries again when one is refused.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table account (id bigint primary key, balance numeric not null);
//! -- file: src/pay.go
//! tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table account (id bigint primary key, balance numeric not null);
//! -- file: src/pay.go
//! tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
//! // retry
//! if pgErr.Code == "40001" { continue }
//! ```
//!
//! A transaction that only reads one snapshot is refused nowhere:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table account (id bigint primary key, balance numeric not null);
//! -- file: src/report.go
//! tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
//! ```
//!
//! ## Why
//!
//! With `serializable`, and `repeatable read` for rows that two write, the server refuses one of
//! two transactions that are in each other's way (SQLSTATE 40001). That is no defect and says "once
//! more"; an application that does not is one that fails under load.
//!
//! ## Instead
//!
//! Try the whole transaction again on 40001 and 40P01, a few times, with a random wait.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1325",
    name: "serialization-not-retried",
    level: Level::Warning,
    group: Group::Source,
    needs: &[Needs::Source],
    source: include_str!("serialization_not_retried.rs"),
    check,
};

/// How languages and libraries ask for it, in lower case.
const ASKS: &[&str] = &[
    "isolation level serializable",
    "isolation level repeatable read",
    "levelserializable",
    "levelrepeatableread",
    "isolationlevel::serializable",
    "isolationlevel::repeatableread",
    "isolationlevel.serializable",
    "isolationlevel.repeatableread",
    "isolation_level=\"serializable\"",
    "isolation_level='serializable'",
    "pgx.serializable",
    "pgx.repeatableread",
];
/// What tells that it is tried again.
const RETRIES: &[&str] = &["40001", "serialization_failure", "serializationfailure", "p2034"];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let texts: Vec<String> = facts.sources.iter().map(|file| file.text.to_lowercase()).collect();
    if texts.iter().any(|text| RETRIES.iter().any(|word| text.contains(word))) {
        return;
    }
    for (file, text) in facts.sources.iter().zip(&texts) {
        // A letter whose small one is longer moves every place.
        let asked = ASKS
            .iter()
            .flat_map(|word| text.match_indices(word))
            .filter(|(at, word)| !(word.contains("repeatable") && only_reads(text, *at)))
            .map(|(at, word)| (at, word.len()))
            .min();
        let Some((at, length)) = asked.filter(|_| text.len() == file.text.len()) else { continue };
        let commented = file.code[at..at + length].trim().is_empty()
            && !file.strings.iter().any(|string| string.span.contains(&at));
        if commented {
            continue;
        }
        let finding = findings
            .add(file.subject(at), "a transaction that is refused (40001) is not tried again");
        finding.place = Some(file.place(at..at + length));
        finding.hint("Try the whole transaction again, after a random wait.");
    }
}

/// Whether it is said nearby that the transaction only reads: with `repeatable read` nothing then
/// refuses it.
fn only_reads(text: &str, at: usize) -> bool {
    let near: String =
        text[..at].chars().rev().take(NEAR).collect::<Vec<_>>().into_iter().rev().collect();
    let near = near + &text[at..].chars().take(NEAR).collect::<String>();
    ["readonly", "read only", "read_only"].iter().any(|word| near.contains(word))
}

/// How far options of one call are apart, in characters.
const NEAR: usize = 100;
