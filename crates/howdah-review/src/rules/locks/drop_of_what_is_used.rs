//! A table or a column of an earlier migration is dropped: its data are gone, and a version of the
//! application that uses it still fails.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, note text);
//! -- file: 0002_drop.sql
//! alter table orders drop column note;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, note text);
//! create table draft (id bigint primary key);
//! drop table draft;
//! -- file: 0002_replace.sql
//! drop table if exists never_made;
//! drop table orders;
//! create table orders (id bigint primary key, note text not null);
//! ```
//!
//! ## Why
//!
//! No migration brings the rows back. The old version of the application runs still while the new
//! one is rolled out; an ORM that names all columns fails for the whole table.
//!
//! ## Instead
//!
//! First a release that no longer uses it, then the migration; with a backup, or with the table
//! renamed and dropped a release later. Allow it with the release that stopped the use as the
//! reason.

use howdah_catalog::Ident;
use howdah_sql::command::{AlterAction, Command, Name, ObjectKind};

use crate::facts::{Facts, StatementId};
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0213",
    name: "drop-of-what-is-used",
    level: Level::Notice,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("drop_of_what_is_used.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        if facts.trace(id).is_none() {
            continue;
        }
        match &statement.command {
            Command::AlterTable(table) if was_made(facts, &table.name, id) => {
                for (action, _) in &table.actions {
                    let AlterAction::DropColumn(column) = action else { continue };
                    let (relation, name) =
                        (proof::quoted(&table.name), Ident::new(column.as_str()));
                    let query = format!("select {relation}.{name} from {relation}");
                    let what = format!("column \"{column}\" of \"{}\"", table.name.plain());
                    report(facts, findings, id, &what, &query, "42703");
                }
            }
            Command::Drop(drop) if drop.kind == ObjectKind::Table => {
                for table in drop.names.iter().filter(|table| was_made(facts, table, id)) {
                    if comes_back(facts, id, table) {
                        continue;
                    }
                    let query = format!("select from {}", proof::quoted(table));
                    let what = format!("table \"{}\"", table.plain());
                    report(facts, findings, id, &what, &query, "42P01");
                }
            }
            _ => {}
        }
    }
}

fn report(
    facts: &Facts,
    findings: &mut Findings<'_>,
    id: StatementId,
    what: &str,
    query: &str,
    state: &str,
) {
    findings
        .add(Subject::Statement(id), format!("the data of {what} are dropped"))
        .hint("Make sure that the release before this one no longer uses it.")
        .proved(proof::then_fails(id, facts.text(id), query, state));
}

/// Whether an earlier file made the table.
fn was_made(facts: &Facts, table: &Name, id: StatementId) -> bool {
    facts.made_by(ObjectKind::Table, table, Some(id)).is_some() && facts.may_hold_rows(table, id)
}

/// Whether the same file makes it anew, and so means to empty it.
fn comes_back(facts: &Facts, id: StatementId, table: &Name) -> bool {
    facts.after_in_file(id).any(|(_, later)| {
        later.command.creates().is_some_and(|(kind, made)| {
            matches!(kind, ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView)
                && made.last() == table.last()
        })
    })
}
