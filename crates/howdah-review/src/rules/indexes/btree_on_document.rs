//! A B-tree is on a whole array or document.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, tags text[] not null);
//! create index orders_tags on orders (tags);
//! ```
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, attributes jsonb not null);
//! create index orders_attributes on orders (attributes);
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, tags text[] not null unique,
//!                      attributes jsonb not null);
//! create index orders_tags on orders using gin (tags);
//! create index orders_attributes on orders using gin (attributes jsonb_path_ops);
//! create index orders_kind on orders ((attributes ->> 'kind'));
//! ```
//!
//! ## Why
//!
//! A B-tree compares the whole value: it serves `=` and no question about what is inside. A value
//! of more than 2,700 bytes cannot be written at all.
//!
//! ## Instead
//!
//! `gin` for `@>`, `?` and `&&`; a B-tree on the expression for `->>`, which no `gin` index serves.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0412",
    name: "btree-on-document",
    level: Level::Notice,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("btree_on_document.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        for index in table.indexes.iter().filter(|i| i.method == "btree" && !i.unique) {
            let column = index
                .columns
                .first()
                .and_then(|key| table.column(key.column.as_ref()?.as_str()))
                .filter(|column| column.type_base == "jsonb" || column.type_base.starts_with('_'));
            let Some(column) = column else { continue };
            findings
                .add(
                    Subject::Index(table.name.clone(), index.name.clone()),
                    format!(
                        "index \"{}\" compares whole values of type {}",
                        index.name.as_str(),
                        column.type_name
                    ),
                )
                .hint("Use gin for what is inside, or a B-tree on the expression for ->>.")
                .proved(proof::index(
                    table,
                    index,
                    "exists (\n    select from pg_attribute a\n    \
                     join pg_type t on t.oid = a.atttypid\n    \
                     where a.attrelid = i.indrelid and a.attnum = i.indkey[0]\n    \
                     and (t.typcategory = 'A' or t.typname = 'jsonb'))",
                ));
        }
    }
}
