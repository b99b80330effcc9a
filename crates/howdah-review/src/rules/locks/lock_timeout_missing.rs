//! A migration waits without limit for a lock behind which everybody else queues.
//!
//! It is told for each file only where at least as many other files set a `lock_timeout`; where
//! fewer do, it is told once, and where none does, the tool may set it, and it is information.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! -- file: 0002_note.sql
//! set local lock_timeout = '3s';
//! alter table orders add column note text;
//! -- file: 0003_place.sql
//! alter table orders add column place text;
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! -- file: 0002_note.sql
//! alter table orders add column note text;
//! -- file: 0003_place.sql
//! alter table orders add column place text;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, state text);
//! alter table orders add column note text;
//! -- file: 0002_place.sql
//! set local lock_timeout = '3s';
//! alter table orders add column place text;
//! ```
//!
//! ## Why
//!
//! `alter table` waits for the longest query of the table to end, and every query that comes after
//! it waits behind it, even one that only reads; behind a plain `create index` every writer waits.
//! Minutes of waiting are minutes of outage.
//!
//! ## Instead
//!
//! `set local lock_timeout = '3s'` before the first such statement, and another try when it fails.

use howdah_catalog::RelName;
use howdah_sql::command::Command;

use crate::facts::{Facts, LockMode, StatementId};
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0220",
    name: "lock-timeout-missing",
    level: Level::Notice,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("lock_timeout_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let mut without: Vec<(StatementId, RelName, Reproducer)> = Vec::new();
    let mut file_done = None;
    // Files that set it, whether they need it or not.
    let mut with = 0;
    for (id, statement) in facts.statements() {
        if sets_timeout(facts, id, &statement.command) && file_done != Some(statement.file) {
            (file_done, with) = (Some(statement.file), with + 1);
        }
        // Of a file the first such statement is told.
        if file_done == Some(statement.file) {
            continue;
        }
        let strong = |mode| proof::locked_any(facts, id, mode);
        if let Some((table, _, reproducer)) = strong(LockMode::Share) {
            file_done = Some(statement.file);
            without.push((id, table, reproducer));
        }
    }
    // Where most files have none, that is how the project writes them, and told once.
    let all = without.len();
    let is_rule = with >= all;
    let told = if is_rule { all } else { 1 };
    for (id, table, reproducer) in without.into_iter().take(told) {
        let finding = findings.add(
            Subject::Statement(id),
            format!("it waits without limit for a lock on \"{}\"", table.plain()),
        );
        finding.hint("Set lock_timeout before it, and try again when it fails.");
        finding.proved(reproducer);
        if !is_rule {
            finding.level(if with == 0 { Level::Info } else { Level::Notice });
            let some = if with == 0 { "No file sets".into() } else { format!("{with} files set") };
            finding.detail(format!("{some} lock_timeout, and {all} would need it."));
        } else if facts.files[facts.statement(id).file].transactional {
            let timeout = "set local lock_timeout = '3s'".to_owned();
            finding.instead(id, vec![timeout, facts.text(id).to_owned()]);
        }
    }
}

fn sets_timeout(facts: &Facts, id: StatementId, command: &Command) -> bool {
    match command {
        Command::Set { name, .. } => name == "lock_timeout",
        Command::Query => facts.text(id).contains("lock_timeout"),
        _ => false,
    }
}
