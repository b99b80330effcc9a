//! What is written to undo a migration runs, and leaves another database than there was before.
//!
//! Each migration was applied, undone and applied again, and all definitions were compared.
//!
//! ```sql,invalid
//! -- file: 0001_orders.up.sql
//! create type state as enum ('new', 'done');
//! create table orders (id bigint primary key, state state);
//! -- file: 0001_orders.down.sql
//! drop table orders;
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_orders.up.sql
//! create table orders (id bigint primary key);
//! -- file: 0001_orders.down.sql
//! drop table orders;
//! -- file: 0002_note.up.sql
//! alter table orders add column note text;
//! -- file: 0002_note.down.sql
//! drop table orders cascade;
//! create table orders (id int primary key);
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.up.sql
//! create type state as enum ('new', 'done');
//! create table orders (id bigint primary key, state state);
//! -- file: 0001_orders.down.sql
//! drop table orders;
//! drop type state;
//! ```
//!
//! ## Why
//!
//! The migration cannot be applied again, or the older version of the application meets a database
//! that it was never tested with.
//!
//! ## Instead
//!
//! Undo everything in the opposite order. What cannot come back, such as the rows of a dropped
//! table, needs words in the file.

use crate::facts::{Attempt, Difference, Differs, Facts, Outcome};
use crate::finding::{Expect, Findings, Level, Login, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0106",
    name: "undo-does-not-restore",
    level: Level::Warning,
    group: Group::Build,
    needs: &[Needs::Build],
    source: include_str!("undo_does_not_restore.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for repeated in facts.repeated.iter().filter(|repeated| repeated.attempt == Attempt::Undo) {
        let Outcome::Differs(differences) = &repeated.outcome else { continue };
        let (file, Some(undo)) = (repeated.file, facts.undo(repeated.file)) else { continue };
        let statement = facts.statements().find(|(_, statement)| statement.file == file);
        let (Some((id, _)), Some(first)) = (statement, differences.first()) else { continue };
        let redo = facts.repeated.iter().find_map(|redo| match &redo.outcome {
            Outcome::Failed(_, failure) if redo.file == file && redo.attempt == Attempt::Redo => {
                Some(failure)
            }
            _ => None,
        });
        let mut detail: Vec<String> = differences.iter().take(SHOWN).map(sentence).collect();
        if differences.len() > SHOWN {
            detail.push(format!("{} more differ.", differences.len() - SHOWN));
        }
        if let Some(failure) = redo {
            detail.push(format!("It cannot be applied again: {}.", failure.message));
        }
        let undo = undo.trim_end().trim_end_matches(';');
        findings
            .add(
                Subject::Statement(id),
                format!("undoing \"{}\" does not restore what was", facts.files[file].path),
            )
            .detail(detail.join(" "))
            .proved(Reproducer {
                before: facts.first_after(file),
                sql: format!("{undo};\n{}", first.query),
                expect: Expect::Rows,
                login: Login::Owner,
            });
    }
}

/// So many differences are told.
const SHOWN: usize = 3;

fn sentence(difference: &Difference) -> String {
    let what = &difference.what;
    match difference.how {
        Differs::Left => format!("There is still {what}."),
        Differs::Changed => format!("The definition of {what} is another."),
        Differs::Gone => format!("There is no {what}."),
    }
}
