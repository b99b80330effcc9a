//! Two indexes of a table hold the same keys in the same order.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, customer bigint, at date);
//! create index orders_customer on orders (customer, at);
//! create index orders_by_customer on orders (customer, at);
//! ```
//!
//! ```sql,invalid
//! create table orders (id bigint primary key);
//! create index orders_id on orders (id);
//! ```
//!
//! Another order, another predicate or another operator class is another index:
//!
//! ```sql,valid
//! create table orders (id bigint primary key, name text, at timestamptz);
//! create index orders_name on orders (name);
//! create index orders_name_like on orders (name text_pattern_ops);
//! create index orders_open on orders (name) where at is null;
//! create index orders_latest on orders (name desc nulls last);
//! create index orders_cover on orders (name) include (at);
//! ```
//!
//! ## Why
//!
//! Every insert, and every update that is not in place, writes both; both lie in memory and are
//! vacuumed. Reads need one.
//!
//! ## Instead
//!
//! Drop the one that guards nothing.

use howdah_catalog::{Constraint, ConstraintKind, Index, Literal, RelName, Relation};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0402",
    name: "index-duplicate",
    level: Level::Warning,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_duplicate.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        // What guards most comes first and stays.
        let mut indexes: Vec<&Index> = table.indexes.iter().filter(|index| index.valid).collect();
        indexes.sort_by_key(|index| {
            (!index.primary, constraint_of(table, index).is_none(), !index.unique)
        });
        for (at, index) in indexes.iter().enumerate() {
            let Some(kept) = indexes[..at].iter().find(|kept| same(kept, index)) else { continue };
            // The parts of a partitioned index follow their parent.
            if index.parent.is_some() {
                continue;
            }
            let finding = findings.add(
                Subject::Index(table.name.clone(), index.name.clone()),
                format!(
                    "index \"{}\" of \"{}\" is the same as \"{}\"",
                    index.name.as_str(),
                    table.name.plain(),
                    kept.name.as_str()
                ),
            );
            finding.proved(reproducer(table, kept, index));
            finding.fix(vec![fix(table, index)]);
        }
    }
}

/// Whether `kept` does all that `index` does.
fn same(kept: &Index, index: &Index) -> bool {
    kept.method == index.method
        && kept.predicate == index.predicate
        && kept.include == index.include
        && keys(kept) == keys(index)
        && (kept.unique || !index.unique)
        && (!index.unique || kept.nulls_not_distinct == index.nulls_not_distinct)
}

/// The keys with everything that orders them, as PostgreSQL prints them.
fn keys(index: &Index) -> &str {
    let from = index.definition.find(" USING ").unwrap_or(0);
    &index.definition[from..]
}

fn constraint_of<'t>(table: &'t Relation, index: &Index) -> Option<&'t Constraint> {
    table.constraints.iter().find(|constraint| {
        constraint.index.as_ref() == Some(&index.name)
            && constraint.kind != ConstraintKind::ForeignKey
    })
}

fn fix(table: &Relation, index: &Index) -> String {
    if let Some(constraint) = constraint_of(table, index) {
        return format!("alter table {} drop constraint {}", table.name, constraint.name);
    }
    let name = RelName { schema: table.name.schema.clone(), name: index.name.clone() };
    // An index of a partitioned table cannot be dropped concurrently.
    let concurrently = if table.partitioning.is_some() { "" } else { "concurrently " };
    format!("drop index {concurrently}{name}")
}

fn reproducer(table: &Relation, kept: &Index, index: &Index) -> Reproducer {
    let oid = |index: &Index| {
        let name = RelName { schema: table.name.schema.clone(), name: index.name.clone() };
        format!("{}::regclass", Literal(&name.to_string()))
    };
    Reproducer::query(format!(
        "select a.indexrelid::regclass, b.indexrelid::regclass from pg_index a\n  \
         join pg_index b on b.indrelid = a.indrelid and b.indkey::text = a.indkey::text\n    \
         and b.indclass::text = a.indclass::text and b.indoption::text = a.indoption::text\n  \
         where a.indexrelid = {} and b.indexrelid = {}",
        oid(kept),
        oid(index)
    ))
}
