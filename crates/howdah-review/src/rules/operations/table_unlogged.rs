//! A table loses its rows when the server crashes, and other tables point to it or are pointed to.
//!
//! ```sql,invalid
//! create unlogged table orders (id bigint primary key, placed timestamptz not null);
//! create unlogged table lines (id bigint primary key, order_id bigint references orders);
//! create index lines_order on lines (order_id);
//! ```
//!
//! What stands alone may be a cache:
//!
//! ```sql,valid
//! create unlogged table cache (key text primary key, value text);
//! create table orders (id bigint primary key);
//! ```
//!
//! ## Why
//!
//! After a crash it is empty, and it is not on replicas at all. Tables that keep references are
//! data, not a cache.
//!
//! ## Instead
//!
//! `alter table … set logged`, which writes it anew.

use howdah_catalog::{ConstraintKind, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1105",
    name: "table-unlogged",
    level: Level::Notice,
    group: Group::Operations,
    needs: &[Needs::Catalog],
    source: include_str!("table_unlogged.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values().filter(|table| table.unlogged) {
        let refers = table.constraints.iter().any(|c| c.kind == ConstraintKind::ForeignKey);
        if !refers {
            continue;
        }
        let sql = format!(
            "select relname from pg_class where oid = {}::regclass and relpersistence = 'u'",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("\"{}\" is emptied by a crash", table.name.plain()),
            )
            .hint("Set it logged, with the tables that it refers to; that writes them anew.")
            .proved(Reproducer::query(sql));
    }
}
