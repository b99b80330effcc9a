//! A foreign key whose columns no index of the referencing table begins with.
//!
//! ```sql,invalid
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint not null references customers);
//! ```
//!
//! ```sql,valid
//! create table customers (id bigint primary key);
//! create table orders (id bigint primary key, customer bigint references customers, at date);
//! create index orders_customer on orders (customer, at) where customer is not null;
//! create table lines (order_id bigint references orders, line int, primary key (order_id, line));
//! ```
//!
//! An index is enough that begins with so many of the columns that they name one row:
//!
//! ```sql,valid
//! create table users (tenant int, id int, plan text, primary key (tenant, id),
//!                     unique (tenant, id, plan));
//! create table posts (tenant int, id int, author int, plan text, primary key (tenant, id),
//!                     foreign key (tenant, author, plan) references users (tenant, id, plan));
//! create index posts_author on posts (tenant, author);
//! ```
//!
//! ## Why
//!
//! Deleting a row of the referenced table, or changing its key, looks for the rows that refer to
//! it. Without an index that reads the whole referencing table, once for each row deleted. Where
//! such a delete is refused (`no action`, `restrict`) it is a notice: it may never be tried.
//!
//! ## Instead
//!
//! Build an index that begins with the foreign key's columns. Where rows of the referenced table
//! are never deleted, it is only worth it if queries look up by these columns.

use howdah_catalog::{
    Constraint, ConstraintKind, Ident, Index, Literal, Relation, RelationKind, name,
};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0401",
    name: "foreign-key-without-index",
    level: Level::Warning,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("foreign_key_without_index.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        let mut told: Vec<&[Ident]> = Vec::new();
        let keys = table.constraints.iter().filter(|constraint| {
            constraint.kind == ConstraintKind::ForeignKey && !constraint.inherited
        });
        for key in keys {
            let columns = key.columns.as_slice();
            let other = key.references.as_ref().and_then(|name| catalog.relation(name));
            let served = |index: &Index| serves(index, key, other);
            if told.contains(&columns) || table.indexes.iter().any(served) {
                continue;
            }
            told.push(columns);
            let finding = findings.add(
                Subject::Constraint(table.name.clone(), key.name.clone()),
                format!(
                    "foreign key \"{}\" of \"{}\" has no index",
                    key.name.as_str(),
                    table.name.plain()
                ),
            );
            if let Some(referenced) = &key.references {
                finding.detail(format!(
                    "Deleting a row of \"{}\" reads all of \"{}\".",
                    referenced.plain(),
                    table.name.plain()
                ));
            }
            finding.proved(reproducer(table, key));
            if !key.definition.contains("ON DELETE CASCADE")
                && !key.definition.contains("ON DELETE SET ")
            {
                finding.level(Level::Notice);
            }
            // A partitioned table cannot have its index built concurrently.
            if table.kind == RelationKind::Table {
                finding.fix(vec![fix(facts, table, key)]);
            }
        }
    }
}

/// Whether the index finds the rows of a key: it begins with the key's columns, in any order, or
/// with as many of them as name one row of the other table.
fn serves(index: &Index, key: &Constraint, other: Option<&Relation>) -> bool {
    let predicate = index.predicate.as_deref().unwrap_or("");
    let whole = predicate.is_empty()
        || key.columns.iter().any(|column| {
            // Rows with nulls refer to nothing.
            let column = column.as_str();
            predicate == format!("({column} IS NOT NULL)")
                || predicate == format!("(\"{column}\" IS NOT NULL)")
        });
    if !index.valid || !whole || !matches!(index.method.as_str(), "btree" | "hash") {
        return false;
    }
    // The columns of the other table that the beginning of the index stands for.
    let named: Vec<&Ident> = index
        .columns
        .iter()
        .map_while(|part| {
            let at = key.columns.iter().position(|column| Some(column) == part.column.as_ref())?;
            key.referenced_columns.get(at)
        })
        .collect();
    named.len() == key.columns.len()
        || other.is_some_and(|other| {
            other.indexes.iter().any(|unique| {
                unique.unique
                    && unique.predicate.is_none()
                    && unique.columns.iter().all(|part| {
                        part.column.as_ref().is_some_and(|column| named.contains(&column))
                    })
            })
        })
}

fn fix(facts: &Facts, table: &Relation, key: &Constraint) -> String {
    let columns: Vec<&str> = key.columns.iter().map(Ident::as_str).collect();
    let base = format!("{}_{}", table.name.name.as_str(), columns.join("_"));
    let index = facts.free_name(&table.name.schema, &base, "idx");
    format!(
        "create index concurrently {index} on {} ({})",
        table.name,
        name::list(key.columns.iter())
    )
}

fn reproducer(table: &Relation, key: &Constraint) -> Reproducer {
    Reproducer::query(format!(
        "select k.conname from pg_constraint k\n  \
         where k.conrelid = {}::regclass and k.conname = {} and not exists (\n    \
         select from pg_index i where i.indrelid = k.conrelid and i.indisvalid\n      \
         and i.indpred is null\n      \
         and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)",
        Literal(&table.name.to_string()),
        Literal(key.name.as_str())
    ))
}
