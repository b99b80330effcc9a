//! An index is there and cannot be used: a concurrent build of it failed, or its parts are missing.
//!
//! ```sql,invalid
//! create table log (id bigint not null, at date not null) partition by range (at);
//! create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');
//! create index log_id on only log (id);
//! ```
//!
//! ```sql,valid
//! create table log (id bigint not null, at date not null) partition by range (at);
//! create table log_2026 partition of log for values from ('2026-01-01') to ('2027-01-01');
//! create index log_id on only log (id);
//! create index log_2026_id on log_2026 (id);
//! alter index log_id attach partition log_2026_id;
//! ```
//!
//! ```sql,invalid,live
//! create table orders (id bigint primary key, customer bigint);
//! create index orders_customer on orders (customer);
//! update pg_index set indisvalid = false where indexrelid = 'orders_customer'::regclass;
//! ```
//!
//! ## Why
//!
//! Every write maintains it and no query uses it. `create index concurrently if not exists` finds
//! its name and leaves it as it is.
//!
//! ## Instead
//!
//! `reindex index concurrently`, or drop it and build it again. On a partitioned table, build the
//! index on each part and attach it.

use howdah_catalog::{RelName, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0404",
    name: "index-invalid",
    level: Level::Warning,
    group: Group::Indexes,
    needs: &[Needs::Catalog],
    source: include_str!("index_invalid.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        for index in table.indexes.iter().filter(|index| !index.valid) {
            let finding = findings.add(
                Subject::Index(table.name.clone(), index.name.clone()),
                format!(
                    "index \"{}\" of \"{}\" is invalid",
                    index.name.as_str(),
                    table.name.plain()
                ),
            );
            finding.proved(proof::index(table, index, "not i.indisvalid"));
            if table.kind == RelationKind::PartitionedTable {
                // Some leave old partitions without it on purpose.
                finding.level = Level::Notice;
                finding.detail("Partitions that have none of their own are searched whole.");
                finding.hint("Build it on each part, and attach those.");
            } else {
                finding.detail("Writes maintain it, and no query uses it.");
                finding.hint("Build it again.");
                let name = RelName { schema: table.name.schema.clone(), name: index.name.clone() };
                finding.fix(vec![format!("reindex index concurrently {name}")]);
            }
        }
    }
}
