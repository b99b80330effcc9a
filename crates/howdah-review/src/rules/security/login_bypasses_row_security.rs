//! A login that an application uses is bound by no policy.
//!
//! ```sql,invalid,live
//! do $$ begin
//!     create role howdah_example_bypass login bypassrls;
//! exception when duplicate_object then end $$;
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! grant select on orders to howdah_example_bypass;
//! ```
//!
//! ```sql,valid,live
//! do $$ begin
//!     create role howdah_example_bound login;
//! exception when duplicate_object then end $$;
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! grant select on orders to howdah_example_bound;
//! ```
//!
//! ## Why
//!
//! Superusers and roles with BYPASSRLS see every tenant's rows. That a login was granted the table
//! shows that it works with it; a superuser of maintenance needs no grant.
//!
//! ## Instead
//!
//! `alter role … nosuperuser nobypassrls`, and another login for what must see everything.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::row_security::{grants_on, is_member, protected};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0813",
    name: "login-bypasses-row-security",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Statistics],
    source: include_str!("login_bypasses_row_security.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for (name, role) in &catalog.roles {
        if !role.login || !(role.superuser || role.bypass_rls) {
            continue;
        }
        let table = protected(catalog).find(|table| {
            grants_on(catalog, &table.name).any(|grant| is_member(catalog, name, &grant.grantee))
        });
        let Some(table) = table else { continue };
        let sql = format!(
            "select rolname from pg_roles where rolname = {} and (rolsuper or rolbypassrls)",
            Literal(name.as_str())
        );
        findings
            .add(
                Subject::Named("role", name.as_str().to_owned()),
                format!("login \"{}\" is bound by no policy", name.as_str()),
            )
            .detail(format!("It was granted \"{}\", which has policies.", table.name.plain()))
            .hint(format!("Run: alter role {name} nosuperuser nobypassrls."))
            .proved(Reproducer::query(sql));
    }
}
