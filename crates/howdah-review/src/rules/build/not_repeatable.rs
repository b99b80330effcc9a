//! A script that is written to be run again fails the second time, or adds its rows once more.
//!
//! It was applied twice. It concerns files that no tool books as applied: those whose names have
//! no version, and Flyway's repeatable ones; of these only such as say somewhere that they may be
//! run again.
//!
//! ```sql,invalid
//! -- file: schema.sql
//! create table if not exists orders (id bigint primary key, customer bigint);
//! create index orders_customer on orders (customer);
//! ```
//!
//! ```sql,invalid
//! -- file: schema.sql
//! create table if not exists orders (id bigint generated always as identity, note text);
//! insert into orders (note) values ('first');
//! ```
//!
//! ```sql,valid
//! -- file: schema.sql
//! create table if not exists orders (id bigint primary key, customer bigint);
//! create index if not exists orders_customer on orders (customer);
//! create or replace view open_orders as select * from orders;
//! drop policy if exists everybody on orders;
//! create policy everybody on orders using (true);
//! insert into orders values (1, 1) on conflict do nothing;
//! ```
//!
//! ## Why
//!
//! The second run stops half-way; what comes behind the failing statement is never changed again,
//! and nobody notices when the output is thrown away.
//!
//! ## Instead
//!
//! `if not exists`, `or replace`, `drop … if exists` before `create`, `on conflict do nothing`; or
//! a tool that books what was applied.

use howdah_sql::command::Command;

use crate::facts::{Attempt, Facts, Outcome, Run};
use crate::finding::{Expect, Findings, Level, Login, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0104",
    name: "not-repeatable",
    level: Level::Warning,
    group: Group::Build,
    needs: &[Needs::Build],
    source: include_str!("not_repeatable.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for repeated in facts.repeated.iter().filter(|repeated| repeated.attempt == Attempt::Again) {
        let file = &facts.files[repeated.file];
        if !means_to_be_repeated(&file.text) {
            continue;
        }
        let mut ran: Vec<&str> = Vec::new();
        let mut last = None;
        for (id, statement) in facts.statements() {
            if statement.file != repeated.file || !matches!(statement.run, Run::Done(_)) {
                continue;
            }
            ran.push(facts.text(id));
            if let Outcome::Failed(text, _) = &repeated.outcome
                && text == facts.text(id)
            {
                last = Some(id);
                break;
            }
            if matches!(statement.command, Command::Insert { .. }) && last.is_none() {
                last = Some(id);
            }
        }
        let Some(id) = last else { continue };
        let script = ran.join(";\n");
        let (message, sql, expect) = match &repeated.outcome {
            Outcome::Failed(_, failure) => (
                format!("\"{}\" fails when it is run again: {}", file.path, failure.message),
                script,
                Expect::Failure(failure.sqlstate.clone()),
            ),
            Outcome::Differs(more) => {
                let Some(first) = more.first() else { continue };
                let what: Vec<&str> = more.iter().map(|more| more.what.as_str()).collect();
                let message =
                    format!("\"{}\" adds {} once more when run again", file.path, what.join(", "));
                (message, format!("{script};\n{}", first.query), Expect::Rows)
            }
        };
        findings
            .add(Subject::Statement(id), message)
            .hint("Write it so that it does nothing the second time.")
            .proved(Reproducer { before: None, sql, expect, login: Login::Owner });
    }
}

/// Whether some statement of the file is written so that it can be run twice.
fn means_to_be_repeated(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["if not exists", "or replace", "on conflict"].iter().any(|words| text.contains(words))
}
