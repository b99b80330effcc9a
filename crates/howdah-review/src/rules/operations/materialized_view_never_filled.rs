//! A materialized view was never filled.
//!
//! ```sql,invalid,live
//! create table orders (id bigint primary key);
//! create materialized view order_count as select count(*) from orders with no data;
//! ```
//!
//! ```sql,valid,live
//! create table orders (id bigint primary key);
//! create materialized view order_count as select count(*) from orders with no data;
//! refresh materialized view order_count;
//! ```
//!
//! ## Why
//!
//! Whoever reads it gets an error, so nobody does, or somebody will.
//!
//! ## Instead
//!
//! Refresh it, and say who does so from now on, or drop it.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1106",
    name: "materialized-view-never-filled",
    level: Level::Warning,
    group: Group::Operations,
    needs: &[Needs::Statistics],
    source: include_str!("materialized_view_never_filled.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for name in &in_use.never_filled {
        let sql = format!(
            "select relname from pg_class where oid = {}::regclass and not relispopulated",
            Literal(&name.to_string())
        );
        findings
            .add(
                Subject::Relation(name.clone()),
                format!("materialized view \"{}\" was never filled", name.plain()),
            )
            .hint(format!("Run: refresh materialized view {name}."))
            .proved(Reproducer::query(sql));
    }
}
