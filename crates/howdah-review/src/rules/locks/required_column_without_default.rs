//! A column is added as not null without a default, which fails as soon as the table holds a row.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric not null);
//! -- file: 0002_place.sql
//! alter table orders add column place text not null;
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create table orders (id bigint primary key, amount numeric not null);
//! alter table orders add column place text not null;
//! -- file: 0002_more.sql
//! alter table orders add column state text not null default 'new';
//! alter table orders add column number bigint generated always as identity not null;
//! alter table orders add column twice numeric not null generated always as (amount * 2) stored;
//! ```
//!
//! ## Why
//!
//! It works on the empty database of a test, and fails where it matters.
//!
//! ## Instead
//!
//! Give it a default, which PostgreSQL keeps once for all old rows; drop the default afterwards if
//! new rows must name a value.

use howdah_catalog::Literal;
use howdah_sql::command::{AlterAction, AlterTable, ColumnConstraint, ColumnDef, Command};

use crate::experiment::Shown;
use crate::facts::{Facts, StatementId};
use crate::finding::{Expect, Findings, Level, Login, Reproducer, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0227",
    name: "required-column-without-default",
    level: Level::Error,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("required_column_without_default.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterTable(table) = &statement.command else { continue };
        if facts.trace(id).is_none() || !facts.may_hold_rows(&table.name, id) {
            continue;
        }
        for (action, _) in &table.actions {
            let AlterAction::AddColumn(column) = action else { continue };
            if !is_required(column) {
                continue;
            }
            findings
                .add(
                    Subject::Statement(id),
                    format!(
                        "adding \"{}\" fails when \"{}\" holds a row",
                        column.name,
                        table.name.plain()
                    ),
                )
                .hint("Give it a default; drop that afterwards if new rows must name a value.")
                .experiment(Shown(with_row(facts, id, table)));
        }
    }
}

fn is_required(column: &ColumnDef) -> bool {
    let required =
        column.has(&ColumnConstraint::NotNull) || column.has(&ColumnConstraint::PrimaryKey);
    let filled = column.constraints.iter().any(|constraint| {
        matches!(
            constraint,
            ColumnConstraint::Default(_)
                | ColumnConstraint::Generated { .. }
                | ColumnConstraint::Identity { .. }
        )
    });
    required && !filled && !column.type_name.text.to_ascii_lowercase().contains("serial")
}

/// The statement behind a row, for which the table's own conditions are dropped.
fn with_row(facts: &Facts, id: StatementId, table: &AlterTable) -> Reproducer {
    let relation = proof::quoted(&table.name);
    let literal = Literal(&relation);
    Reproducer {
        before: Some(id),
        sql: format!(
            "begin;\ndo $howdah$ declare c record; begin\n  \
             for c in select conname from pg_constraint\n      \
             where conrelid = {literal}::regclass loop\n    \
             execute format('alter table {relation} drop constraint if exists %I cascade', \
             c.conname);\n  end loop;\n  \
             for c in select attname from pg_attribute where attrelid = {literal}::regclass\n      \
             and attnum > 0 and attnotnull and attidentity = '' and not attisdropped loop\n    \
             execute format('alter table {relation} alter %I drop not null', c.attname);\n  \
             end loop;\nend $howdah$;\ninsert into {relation} default values;\n{}",
            facts.text(id)
        ),
        expect: Expect::Failure("23502".to_owned()),
        login: Login::Owner,
    }
}
