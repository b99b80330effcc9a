//! Row security is enabled, there is no policy, and the table is granted to somebody who sees
//! nothing.
//!
//! ```sql,invalid
//! create role clerk;
//! create table orders (id bigint primary key);
//! alter table orders enable row level security;
//! grant select on orders to clerk;
//! ```
//!
//! A table that is granted to nobody may be closed on purpose:
//!
//! ```sql,valid
//! create role clerk;
//! create table secrets (id bigint primary key);
//! alter table secrets enable row level security;
//! create table orders (id bigint primary key);
//! grant select on orders to clerk;
//! ```
//!
//! ## Why
//!
//! Without a policy nobody but the owner sees or changes a row, and no error says so. The grant
//! shows that somebody was meant to.
//!
//! ## Instead
//!
//! Write the policy, or take the grant back.

use howdah_catalog::{Literal, RelationKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::row_security::grants_on;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0804",
    name: "row-security-without-policy",
    level: Level::Notice,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("row_security_without_policy.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        let is_table = matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable);
        if !is_table || !table.row_security || !table.policies.is_empty() {
            continue;
        }
        let granted = grants_on(catalog, &table.name).find(|grant| {
            let bypasses =
                catalog.roles.get(&grant.grantee).is_some_and(|r| r.superuser || r.bypass_rls);
            grant.privilege == "SELECT" && !bypasses && !grant.grantee.as_str().starts_with("pg_")
        });
        let Some(granted) = granted else { continue };
        let sql = format!(
            "select relname from pg_class c where oid = {}::regclass and relrowsecurity\n  \
             and not exists (select from pg_policy p where p.polrelid = c.oid)",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!(
                    "\"{}\" may read \"{}\" and never sees a row",
                    granted.grantee.as_str(),
                    table.name.plain()
                ),
            )
            .hint("Write a policy, or revoke the grant.")
            .proved(Reproducer::query(sql));
    }
}
