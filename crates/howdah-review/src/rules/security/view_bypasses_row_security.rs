//! A view shows rows that the policies of its table hide from those who may read the view.
//!
//! ```sql,invalid
//! create role clerk;
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create view all_orders as select id, tenant_id from orders;
//! grant select on all_orders to clerk;
//! ```
//!
//! With `security_invoker` the caller's policies hold; on a table whose owner is bound too they
//! hold in any view; a view that nobody else may read shows nobody anything:
//!
//! ```sql,valid
//! create role clerk;
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create view orders_view with (security_invoker = true) as select id, tenant_id from orders;
//! grant select on orders_view to clerk;
//! create view for_me as select id, tenant_id from orders;
//! create table lines (tenant_id uuid not null, id bigint primary key);
//! alter table lines enable row level security;
//! alter table lines force row level security;
//! create policy own on lines
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create view all_lines as select id, tenant_id from lines;
//! grant select on all_lines to clerk;
//! ```
//!
//! ## Why
//!
//! A view reads with the rights of its owner. When that is the owner of the table, or a role that
//! bypasses row security, the view shows the rows of every tenant.
//!
//! ## Instead
//!
//! `alter view … set (security_invoker = true)`; who reads the view then needs the right to read
//! the table.

use howdah_catalog::{Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::row_security::{bypasses, is_readable, names, protected};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0809",
    name: "view-bypasses-row-security",
    level: Level::Error,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("view_bypasses_row_security.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for view in catalog.relations.values().filter(|view| view.kind == RelationKind::View) {
        let invoker = view.options.iter().any(|option| {
            matches!(option.as_str(), "security_invoker=true" | "security_invoker=on")
        });
        let Some(definition) = &view.definition else { continue };
        if invoker || !is_readable(catalog, &view.name) {
            continue;
        }
        let shown = protected(catalog)
            .find(|table| names(definition, &table.name) && bypasses(catalog, &view.owner, table));
        let Some(table) = shown else { continue };
        let sql = format!(
            "select v.oid::regclass from pg_class v\n  join pg_rewrite r on r.ev_class = v.oid\n  \
             join pg_depend d on d.objid = r.oid and d.refobjid = {}::regclass\n  \
             where v.oid = {}::regclass\n  \
             and not coalesce(v.reloptions &&\n  \
             '{{security_invoker=true,security_invoker=on}}', false)",
            Literal(&table.name.to_string()),
            Literal(&view.name.to_string())
        );
        findings
            .add(
                Subject::Relation(view.name.clone()),
                format!(
                    "view \"{}\" shows rows that the policies of \"{}\" hide",
                    view.name.plain(),
                    table.name.plain()
                ),
            )
            .hint("Who reads the view then needs the right to read the table.")
            .proved(Reproducer::query(sql))
            .fix(vec![format!("alter view {} set (security_invoker = true)", view.name)]);
    }
}
