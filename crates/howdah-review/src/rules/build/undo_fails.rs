//! What is written to undo a migration fails.
//!
//! Each migration was applied, undone and applied again.
//!
//! ```sql,invalid
//! -- file: 0001_orders.up.sql
//! create table orders (id bigint primary key);
//! create view open_orders as select * from orders;
//! -- file: 0001_orders.down.sql
//! drop table orders;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.up.sql
//! create table orders (id bigint primary key);
//! create view open_orders as select * from orders;
//! -- file: 0001_orders.down.sql
//! drop view open_orders;
//! drop table orders;
//! ```
//!
//! What raises an exception says on purpose that there is no way back:
//!
//! ```sql,valid
//! -- file: 0001_orders.up.sql
//! create table orders (id bigint primary key);
//! -- file: 0001_orders.down.sql
//! do $$ begin raise exception 'this cannot be undone'; end $$;
//! ```
//!
//! ## Why
//!
//! It is run on the day when something else has already gone wrong.
//!
//! ## Instead
//!
//! Mend it, or leave it out and say so: a folder without ways back is more honest than one with
//! ways that do not work.

use crate::facts::{Attempt, Facts, Outcome};
use crate::finding::{Expect, Findings, Level, Login, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0105",
    name: "undo-fails",
    level: Level::Warning,
    group: Group::Build,
    needs: &[Needs::Build],
    source: include_str!("undo_fails.rs"),
    check,
};

/// What `raise exception` gives: the file says on purpose that there is no way back.
const RAISED: &str = "P0001";

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for repeated in facts.repeated.iter().filter(|repeated| repeated.attempt == Attempt::Undo) {
        let Outcome::Failed(text, failure) = &repeated.outcome else { continue };
        if failure.sqlstate == RAISED {
            continue;
        }
        let (file, Some(undo)) = (repeated.file, facts.undo(repeated.file)) else { continue };
        let Some((id, _)) = facts.statements().find(|(_, statement)| statement.file == file) else {
            continue;
        };
        let line = text.lines().next().unwrap_or_default();
        findings
            .add(
                Subject::Statement(id),
                format!("\"{}\" cannot be undone: {}", facts.files[file].path, failure.message),
            )
            .detail(format!("The statement that fails begins with: {line}"))
            .proved(Reproducer {
                before: facts.first_after(file),
                sql: undo.to_owned(),
                expect: Expect::Failure(failure.sqlstate.clone()),
                login: Login::Owner,
            });
    }
}
