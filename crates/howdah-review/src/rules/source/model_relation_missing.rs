//! The application relates two tables, and no foreign key holds them together.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (id int primary key);
//! create table posts (id int primary key, author_id int not null);
//! create index posts_author on posts (author_id);
//! -- file: src/schema.rs
//! diesel::table! { users (id) { id -> Int4, } }
//! diesel::table! { posts (id) { id -> Int4, author_id -> Int4, } }
//! diesel::joinable!(posts -> users (author_id));
//! ```
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table users (id int primary key);
//! create table posts (id int primary key, author_id int not null references users);
//! create index posts_author on posts (author_id);
//! -- file: src/models.py
//! from sqlalchemy.orm import Mapped, mapped_column
//! class User(Base):
//!     __tablename__ = "users"
//!     id: Mapped[int] = mapped_column(primary_key=True)
//! class Post(Base):
//!     __tablename__ = "posts"
//!     id: Mapped[int] = mapped_column(primary_key=True)
//!     author_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
//! ```
//!
//! ## Why
//!
//! The model says that what is referred to is there. Without the foreign key it may be deleted, and
//! the application finds nothing where it expects a row.
//!
//! ## Instead
//!
//! The foreign key, `not valid` at first, then validated.

use howdah_catalog::{ConstraintKind, Ident, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1324",
    name: "model-relation-missing",
    level: Level::Notice,
    group: Group::Source,
    needs: &[Needs::Models, Needs::Catalog],
    source: include_str!("model_relation_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for model in &facts.models {
        let Some(relation) = model.table(catalog) else { continue };
        for wanted in &model.relations {
            let is_key = |kind| kind == ConstraintKind::ForeignKey;
            let held = relation.constraints.iter().any(|constraint| {
                is_key(constraint.kind)
                    && constraint
                        .references
                        .as_ref()
                        .is_some_and(|other| other.name.as_str() == wanted.table)
                    && constraint
                        .columns
                        .iter()
                        .map(Ident::as_str)
                        .eq(wanted.columns.iter().map(String::as_str))
            });
            let known = wanted.columns.iter().all(|column| relation.column(column).is_some());
            // A view can be referred to by no key.
            let other = catalog.relations.values().find(|other| {
                other.name.name.as_str() == wanted.table && other.primary_key().is_some()
            });
            let (false, true, Some(other)) = (held, known, other) else { continue };
            let columns = wanted.columns.join(", ");
            findings
                .add(
                    model.subject(Some(&columns)),
                    format!(
                        "{} relates \"{}\" ({columns}) to \"{}\", and no foreign key does",
                        model.orm.as_str(),
                        relation.name.plain(),
                        other.name.plain()
                    ),
                )
                .place(model.place.clone())
                .hint("Add the foreign key, not valid at first; then validate it.")
                .proved(Reproducer::query(format!(
                    "select 'missing' from pg_class c where c.oid = {}::regclass\n  \
                     and not exists (select from pg_constraint k where k.conrelid = c.oid\n    \
                     and k.contype = 'f' and k.confrelid = {}::regclass)",
                    Literal(&relation.name.to_string()),
                    Literal(&other.name.to_string())
                )));
        }
    }
}
