//! A partition may be read by itself, past the policies of its parent.
//!
//! ```sql,invalid
//! create role clerk;
//! create table events (tenant_id uuid not null, at timestamptz not null)
//!     partition by range (at);
//! create table events_old partition of events for values from (minvalue) to ('2026-01-01Z');
//! alter table events enable row level security;
//! alter table events force row level security;
//! create policy own on events
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! grant select on all tables in schema public to clerk;
//! ```
//!
//! A partition that is granted to nobody cannot be read past its parent:
//!
//! ```sql,valid
//! create role clerk;
//! create table events (tenant_id uuid not null, at timestamptz not null)
//!     partition by range (at);
//! create table events_old partition of events for values from (minvalue) to ('2026-01-01Z');
//! alter table events enable row level security;
//! alter table events force row level security;
//! create policy own on events
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! grant select on events to clerk;
//! ```
//!
//! ## Why
//!
//! The policies of the table that a query names hold, and no others. `grant … on all tables in
//! schema` grants the partitions too.
//!
//! ## Instead
//!
//! Revoke the rights on the partitions: whoever reads the parent does not need them.

use howdah_catalog::Literal;
use howdah_catalog::name::list;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::row_security::grants_on;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0814",
    name: "partition-without-row-security",
    level: Level::Error,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("partition_without_row_security.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for part in catalog.relations.values().filter(|part| !part.row_security) {
        let mut parent = part;
        while let Some(above) = &parent.partition_of
            && let Some(relation) = catalog.relation(&above.parent)
            && !parent.row_security
        {
            parent = relation;
        }
        if !parent.row_security || parent.policies.is_empty() {
            continue;
        }
        let mut grantees: Vec<_> = grants_on(catalog, &part.name)
            .map(|grant| &grant.grantee)
            .filter(|grantee| !grantee.as_str().starts_with("pg_"))
            .collect();
        grantees.sort();
        grantees.dedup();
        if grantees.is_empty() {
            continue;
        }
        let sql = format!(
            "select c.oid::regclass, a.grantee::regrole from pg_class c, aclexplode(relacl) a\n  \
             where c.oid = {}::regclass and not c.relrowsecurity and a.grantee <> c.relowner",
            Literal(&part.name.to_string())
        );
        let roles = list(grantees.iter().map(|role| {
            if role.as_str() == "public" { "public".to_owned() } else { role.to_string() }
        }));
        findings
            .add(
                Subject::Relation(part.name.clone()),
                format!(
                    "partition \"{}\" is readable past the policies of \"{}\"",
                    part.name.plain(),
                    parent.name.plain()
                ),
            )
            .proved(Reproducer::query(sql))
            .fix(vec![format!("revoke all on {} from {roles}", part.name)]);
    }
}
