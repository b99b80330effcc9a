//! The application declares an index or a unique key that its table has not.
//!
//! ```sql,invalid
//! -- file: 0001_a.sql
//! create table users (id int primary key, email text not null);
//! -- file: schema.prisma
//! model User {
//!   id    Int    @id
//!   email String @unique
//!   @@map("users")
//! }
//! ```
//!
//! An index that begins with the columns serves as well, and a unique one is no less than a plain
//! one:
//!
//! ```sql,valid
//! -- file: 0001_a.sql
//! create table users (id int primary key, email text not null unique, org int, at date);
//! create index users_org on users (org, at);
//! -- file: src/schema.ts
//! import { date, index, integer, pgTable, text, uniqueIndex } from "drizzle-orm/pg-core";
//! export const users = pgTable("users", {
//!   id: integer("id").primaryKey(),
//!   email: text("email").notNull(),
//!   org: integer("org"),
//!   at: date("at"),
//! }, (t) => [index("a").on(t.org), uniqueIndex("b").on(t.email), index("c").on(t.email)]);
//! ```
//!
//! ## Why
//!
//! Without the unique key the same thing comes to be there twice, which the application believes to
//! be impossible; without the index its queries read whole tables.
//!
//! ## Instead
//!
//! A migration that makes it.

use howdah_catalog::{Ident, Index, Literal, Relation, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer};
use crate::orm::ModelIndex;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1323",
    name: "model-index-missing",
    level: Level::Warning,
    group: Group::Source,
    needs: &[Needs::Models, Needs::Catalog],
    source: include_str!("model_index_missing.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for model in &facts.models {
        let Some(relation) = model.table(catalog) else { continue };
        for wanted in &model.indexes {
            // A column that is not there is told by another rule.
            let known = wanted.columns.iter().all(|column| relation.column(column).is_some());
            if !known || relation.indexes.iter().any(|index| serves(index, wanted)) {
                continue;
            }
            let what = if wanted.unique { "unique key" } else { "index" };
            let columns = wanted.columns.join(", ");
            let finding = findings.add(
                model.subject(Some(&columns)),
                format!(
                    "{} knows a {what} on \"{}\" ({columns}) that is not there",
                    model.orm.as_str(),
                    relation.name.plain()
                ),
            );
            finding.place(model.place.clone());
            finding.hint("Write the migration that makes it.");
            finding.proved(reproducer(relation, wanted));
            if !wanted.unique {
                finding.level(Level::Notice);
            }
            if relation.kind == RelationKind::Table {
                finding.fix(vec![fix(facts, relation, wanted)]);
            }
        }
    }
}

/// Whether the index does what the wanted one would.
fn serves(index: &Index, wanted: &ModelIndex) -> bool {
    let begins = index.columns.len() >= wanted.columns.len()
        && index.columns.iter().zip(&wanted.columns).all(|(key, wanted)| {
            key.column.as_ref().is_some_and(|column| column.as_str() == wanted)
        });
    let same_set = index.columns.len() == wanted.columns.len()
        && index.columns.iter().all(|key| {
            key.column
                .as_ref()
                .is_some_and(|column| wanted.columns.iter().any(|wanted| wanted == column.as_str()))
        });
    if wanted.unique { index.unique && index.predicate.is_none() && same_set } else { begins }
}

fn fix(facts: &Facts, relation: &Relation, wanted: &ModelIndex) -> String {
    let (unique, suffix) = if wanted.unique { ("unique ", "key") } else { ("", "idx") };
    let base = format!("{}_{}", relation.name.name.as_str(), wanted.columns.join("_"));
    let columns: Vec<Ident> = wanted.columns.iter().map(|name| Ident::new(name.as_str())).collect();
    format!(
        "create {unique}index concurrently {} on {} ({})",
        facts.free_name(&relation.name.schema, &base, suffix),
        relation.name,
        howdah_catalog::name::list(columns.iter())
    )
}

fn reproducer(relation: &Relation, wanted: &ModelIndex) -> Reproducer {
    let names: Vec<String> =
        wanted.columns.iter().map(|column| Literal(column).to_string()).collect();
    let unique = if wanted.unique { "i.indisunique and i.indpred is null and " } else { "" };
    Reproducer::query(format!(
        "select 'missing' from pg_class c where c.oid = {}::regclass and not exists (\n  \
         select from pg_index i where i.indrelid = c.oid and {unique}(\n    \
         select array_agg(a.attname::text order by k.place) from unnest(i.indkey::int2[])\n    \
         with ordinality k(number, place) join pg_attribute a on a.attrelid = c.oid\n    \
         and a.attnum = k.number where k.place <= {}) = array[{}])",
        Literal(&relation.name.to_string()),
        wanted.columns.len(),
        names.join(", ")
    ))
}
