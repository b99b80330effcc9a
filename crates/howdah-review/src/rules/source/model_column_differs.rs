//! A column has another type than the application reads, or may be null where it expects a value.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (id int primary key, name text);
//! -- file: src/schema.rs
//! diesel::table! {
//!     users (id) {
//!         id -> Int4,
//!         name -> Text,
//!     }
//! }
//! ```
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (id bigint primary key, name text);
//! -- file: src/schema.ts
//! import { integer, pgTable, text } from "drizzle-orm/pg-core";
//! export const users = pgTable("users", {
//!   id: integer("id").primaryKey(),
//!   name: text("name"),
//! });
//! ```
//!
//! What the ORM reads as well, what it is not told of, and nulls that it takes without need are
//! fine:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create type state as enum ('new');
//! create table users (id int primary key, name varchar(20) not null, state state not null,
//!                     tags text[], at timestamptz not null);
//! -- file: schema.prisma
//! model User {
//!   id    Int      @id
//!   name  String?
//!   state State
//!   tags  String[]
//!   at    DateTime
//!   @@map("users")
//! }
//! enum State {
//!   new
//! }
//! ```
//!
//! ## Why
//!
//! A null that is not expected, and a value of another type, fail when the first such row is read:
//! in production, for one customer, long after the deploy.
//!
//! ## Instead
//!
//! `not null` in the database where the application relies on it; else the model as the column is.

use howdah_catalog::{Column, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::orm::ModelColumn;
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1322",
    name: "model-column-differs",
    level: Level::Warning,
    group: Group::Source,
    needs: &[Needs::Models, Needs::Catalog],
    source: include_str!("model_column_differs.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for model in &facts.models {
        let Some(relation) = model.relation(catalog) else { continue };
        for known in &model.columns {
            let Some(column) = relation.column(&known.name) else { continue };
            // PostgreSQL knows of no column of a view that it is never null.
            let is_table =
                matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable);
            let Some((what, condition)) = difference(known, column, is_table) else { continue };
            findings
                .add(
                    model.subject(Some(&known.name)),
                    format!("{} takes \"{}\" for {what}", model.orm.as_str(), known.name),
                )
                .place(known.place.clone())
                .hint("Change the model, or the column by a migration.")
                .proved(proof::column(relation, column, &condition));
        }
    }
}

/// What the application takes the column for, and what shows that it is not.
fn difference(known: &ModelColumn, column: &Column, is_table: bool) -> Option<(String, String)> {
    if !known.reads(column) {
        let types = known.types.join("', '");
        let shown = format!(
            "not exists (select from pg_type t where t.oid = a.atttypid\n    \
             and t.typname in ('{types}'))"
        );
        return Some((format!("{}, and it is {}", known.types[0], column.type_name), shown));
    }
    let null = known.nullable == Some(false) && !column.not_null && is_table;
    null.then(|| {
        ("one that is never null, and it may be".to_owned(), "not a.attnotnull".to_owned())
    })
}
