//! The application has a model of a table that the database has not.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (id int primary key);
//! -- file: schema.prisma
//! model User {
//!   id Int @id
//!   @@map("users")
//! }
//! model Invoice {
//!   id Int @id
//!   @@map("invoices")
//! }
//! ```
//!
//! Views are read as tables are, and models of other databases are none of this one:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table users (id int primary key);
//! create view invoices as select id from users;
//! -- file: src/schema.rs
//! diesel::table! {
//!     users (id) {
//!         id -> Int4,
//!     }
//! }
//! diesel::table! {
//!     invoices (id) {
//!         id -> Nullable<Int4>,
//!     }
//! }
//! -- file: other.prisma
//! datasource db {
//!   provider = "mysql"
//! }
//! model Customer {
//!   id Int @id
//! }
//! ```
//!
//! Where most tables of an ORM are not there, its models are those of another database:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table users (id int primary key);
//! -- file: other/models.py
//! from sqlalchemy import Column, Integer
//! class Listing(Base):
//!     __tablename__ = "listings"
//!     id = Column(Integer, primary_key=True)
//! class Offer(Base):
//!     __tablename__ = "offers"
//!     id = Column(Integer, primary_key=True)
//! class Auction(Base):
//!     __tablename__ = "auctions"
//!     id = Column(Integer, primary_key=True)
//! ```
//!
//! ## Why
//!
//! Every query of it fails. The model was changed without a migration, the migration lies elsewhere
//! or does not build, or the model is dead.
//!
//! ## Instead
//!
//! A migration that makes the table, or the model without it.

use howdah_catalog::{Literal, RelName};

use crate::facts::{Facts, Run};
use crate::finding::{Findings, Level, Reproducer};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1320",
    name: "model-table-missing",
    level: Level::Error,
    group: Group::Source,
    needs: &[Needs::Models, Needs::Catalog],
    source: include_str!("model_table_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for model in facts.models.iter().filter(|model| model.relation(catalog).is_none()) {
        // That its statement fails is told by another rule.
        let fails = facts.statements.iter().any(|statement| {
            let made = statement.command.creates();
            matches!(statement.run, Run::Failed(_))
                && made.is_some_and(|(_, name)| name.last() == model.table)
        });
        if fails {
            continue;
        }
        let schema = model.schema.as_deref().unwrap_or("public");
        let name = RelName::new(schema, model.table.as_str()).to_string();
        findings
            .add(
                model.subject(None),
                format!(
                    "{} knows a table \"{}\" that is not there",
                    model.orm.as_str(),
                    model.name()
                ),
            )
            .place(model.place.clone())
            .hint("Write the migration that makes it, or take the model out.")
            .proved(Reproducer::query(format!(
                "select 'missing' where to_regclass({}) is null",
                Literal(&name)
            )));
    }
}
