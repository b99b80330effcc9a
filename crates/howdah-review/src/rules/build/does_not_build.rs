//! A statement fails when the files are applied to an empty database.
//!
//! Each failure is told once: what fails only because of it is counted with it.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, note varchar(20) not nul);
//! create index orders_note on orders (note);
//! ```
//!
//! A statement that its tool runs within a transaction, and that PostgreSQL refuses there:
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, note text);
//! -- file: 0002_index.sql
//! create index concurrently orders_note on orders (note);
//! ```
//!
//! What PostgreSQL refuses for a known reason comes with what works instead:
//!
//! ```sql,invalid
//! create table sessions (id bigint primary key, expires timestamptz, closed boolean);
//! create index sessions_live on sessions (expires) where expires > now() and not closed;
//! ```
//!
//! ```sql,invalid
//! create table sales (id bigint primary key, sold timestamptz);
//! create index sales_month on sales (date_trunc('month', sold));
//! ```
//!
//! ```sql,invalid
//! create table events (id bigint primary key, at timestamptz not null) partition by range (at);
//! ```
//!
//! ```sql,invalid
//! create extension pgvector;
//! create table items (id bigint primary key, embedding vector(3));
//! create index on items using ivfflat (embedding);
//! ```
//!
//! What a migration in another language makes is a notice, as what a newer server would take:
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key);
//! -- file: 0002_parts.go
//! db.Exec(`create table parts (id bigint primary key, note text)`)
//! -- file: 0003_index.sql
//! create index parts_note on parts (note);
//! ```
//!
//! Files that begin on a database which somebody else has made fail once:
//!
//! ```sql,invalid
//! alter table users add column note text;
//! alter table orders add column note text;
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, note text);
//! grant select on orders to reporting;
//! ```
//!
//! How a transaction runs is said before anything else in it:
//!
//! ```sql,valid
//! begin;
//! set transaction isolation level repeatable read;
//! create table orders (id bigint primary key, note text);
//! commit;
//! ```
//!
//! ## Why
//!
//! Nobody can set up the system from its own files: no test, no new machine, no restore without a
//! dump. What was reviewed is then not what runs.
//!
//! ## Instead
//!
//! Mend the file if nobody has applied it. Otherwise write a new migration, and test in CI that an
//! empty database can be brought to the newest version.

use crate::build;
use crate::facts::{Facts, Failure, Run, StatementId};
use crate::finding::{Expect, Findings, Level, Login, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0101",
    name: "does-not-build",
    level: Level::Error,
    group: Group::Build,
    needs: &[Needs::Build],
    source: include_str!("does_not_build.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Run::Failed(failure) = &statement.run else { continue };
        if failure.caused_by.is_some() {
            continue;
        }
        let finding = findings
            .add(Subject::Statement(id), format!("the statement fails: {}", failure.message));
        finding.proved(Reproducer {
            before: Some(id),
            sql: reproducer(facts, id, failure),
            expect: Expect::Failure(failure.sqlstate.clone()),
            login: Login::Owner,
        });
        if let Some(offset) = failure.offset {
            let mut place = facts.place(id);
            let start = place.span.start + offset;
            let text = &facts.files[statement.file].text;
            place.position = howdah_sql::Lines::new(text).position(start);
            place.span = start..place.span.end.max(start);
            finding.place(place);
        }
        finding.detail(detail(facts, id, failure));
        if failure.ran_outside {
            finding.hint(
                "Move it to a file of its own that the tool runs without a transaction; the \
                 statement works there.",
            );
        } else if let Some(advice) = build::advice(facts, id, failure) {
            finding.hint(advice.hint);
            finding.level = advice.level.unwrap_or(finding.level);
            if let Some(sql) = advice.instead {
                finding.instead(id, vec![sql]);
            }
        } else if let Some(hint) = &failure.hint {
            finding.hint(hint.clone());
        }
    }
}

fn reproducer(facts: &Facts, id: StatementId, failure: &Failure) -> String {
    let text = facts.text(id);
    if failure.ran_outside { format!("begin; {text}") } else { text.to_owned() }
}

fn detail(facts: &Facts, id: StatementId, failure: &Failure) -> String {
    let cascade = facts
        .statements()
        .filter(
            |(_, other)| matches!(&other.run, Run::Failed(other) if other.caused_by == Some(id)),
        )
        .count();
    let mut detail = format!("SQLSTATE {}.", failure.sqlstate);
    match cascade {
        0 => {}
        1 => detail.push_str(" 1 later statement fails only because of it."),
        n => detail.push_str(&format!(" {n} later statements fail only because of it.")),
    }
    detail
}
