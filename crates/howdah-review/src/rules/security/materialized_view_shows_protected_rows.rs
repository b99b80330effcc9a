//! A materialized view keeps rows of a table with policies, and others may read it.
//!
//! ```sql,invalid
//! create role clerk;
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create materialized view order_list as select id, tenant_id from orders;
//! grant select on order_list to clerk;
//! ```
//!
//! ```sql,valid
//! create role clerk;
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create materialized view order_list as select id, tenant_id from orders;
//! create table plain (id bigint primary key);
//! create materialized view plain_list as select id from plain;
//! grant select on plain_list to clerk;
//! ```
//!
//! ## Why
//!
//! A materialized view has no policies. It holds what its owner saw when it was filled, for
//! everybody who may read it.
//!
//! ## Instead
//!
//! Take the grant back and offer a view with `security_barrier` over it that compares the tenant,
//! or keep the figures in a table with policies, as a rollup of howdah does.

use howdah_catalog::{Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::row_security::{bypasses, is_readable, names, protected};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0810",
    name: "materialized-view-shows-protected-rows",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("materialized_view_shows_protected_rows.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    let kept = catalog.relations.values().filter(|r| r.kind == RelationKind::MaterializedView);
    for view in kept.filter(|view| is_readable(catalog, &view.name)) {
        let Some(definition) = &view.definition else { continue };
        let shown = protected(catalog)
            .find(|table| names(definition, &table.name) && bypasses(catalog, &view.owner, table));
        let Some(table) = shown else { continue };
        let sql = format!(
            "select v.oid::regclass from pg_class v\n  join pg_rewrite r on r.ev_class = v.oid\n  \
             join pg_depend d on d.objid = r.oid and d.refobjid = {}::regclass\n  \
             where v.oid = {}::regclass and v.relkind = 'm'",
            Literal(&table.name.to_string()),
            Literal(&view.name.to_string())
        );
        findings
            .add(
                Subject::Relation(view.name.clone()),
                format!(
                    "materialized view \"{}\" shows rows that the policies of \"{}\" hide",
                    view.name.plain(),
                    table.name.plain()
                ),
            )
            .hint("Revoke the grant, and offer a view over it that compares the tenant.")
            .proved(Reproducer::query(sql));
    }
}
