//! The application reads and writes a column that its table has not.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (id int primary key, email text not null);
//! -- file: src/models.py
//! from sqlalchemy.orm import Mapped, mapped_column
//! class User(Base):
//!     __tablename__ = "users"
//!     id: Mapped[int] = mapped_column(primary_key=True)
//!     email: Mapped[str]  = mapped_column(Text)
//!     nickname: Mapped[str | None] = mapped_column(Text)
//! ```
//!
//! A column may have another name than its field, and a relation is no column:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table users (id int primary key, e_mail text not null, more jsonb);
//! create table posts (id int primary key, author_id int not null references users);
//! create index posts_author on posts (author_id);
//! -- file: schema.prisma
//! model User {
//!   id    Int    @id
//!   email String @map("e_mail") // nickname String
//!   posts Post[]
//!   @@map("users")
//! }
//! model Post {
//!   id       Int  @id
//!   author   User @relation(fields: [authorId], references: [id])
//!   authorId Int  @map("author_id")
//!   @@map("posts")
//! }
//! ```
//!
//! A schema may lie in several files, and a model of one is known to all:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table orgs (id int primary key);
//! create table members (id int primary key, org_id int not null references orgs);
//! create index members_org on members (org_id);
//! -- file: schema/orgs.prisma
//! model Org {
//!   id      Int      @id
//!   members Member[]
//!   @@map("orgs")
//! }
//! -- file: schema/members.prisma
//! model Member {
//!   id    Int @id
//!   org   Org @relation(fields: [orgId], references: [id])
//!   orgId Int @map("org_id")
//!   @@map("members")
//! }
//! ```
//!
//! ## Why
//!
//! Most ORMs name every column in each query, so every read of the table fails.
//!
//! ## Instead
//!
//! A migration that adds the column, or the model without it.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1321",
    name: "model-column-missing",
    level: Level::Error,
    group: Group::Source,
    needs: &[Needs::Models, Needs::Catalog],
    source: include_str!("model_column_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for model in &facts.models {
        let Some(relation) = model.relation(catalog) else { continue };
        for column in model.columns.iter().filter(|c| relation.column(&c.name).is_none()) {
            findings
                .add(
                    model.subject(Some(&column.name)),
                    format!(
                        "{} knows a column \"{}\" that \"{}\" has not",
                        model.orm.as_str(),
                        column.name,
                        relation.name.plain()
                    ),
                )
                .place(column.place.clone())
                .hint("Write the migration that adds it, or take it out of the model.")
                .proved(Reproducer::query(format!(
                    "select 'missing' where not exists (select from pg_attribute\n  \
                     where attrelid = {}::regclass and attname = {} and not attisdropped)",
                    Literal(&relation.name.to_string()),
                    Literal(&column.name)
                )));
        }
    }
}
