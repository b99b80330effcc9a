//! A policy believes what the user may write about himself.
//!
//! ```sql,invalid
//! create schema auth;
//! create function auth.jwt() returns jsonb language sql stable
//!   as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
//! create table orders (id bigint primary key, tenant text not null);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders
//!   using (tenant = (select auth.jwt() -> 'user_metadata' ->> 'tenant'));
//! ```
//!
//! ```sql,valid
//! create schema auth;
//! create function auth.jwt() returns jsonb language sql stable
//!   as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
//! create table orders (id bigint primary key, tenant text not null, user_metadata jsonb);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders
//!   using (tenant = (select auth.jwt() -> 'app_metadata' ->> 'tenant'));
//! ```
//!
//! ## Why
//!
//! In the tokens of GoTrue, which Supabase has, `user_metadata` is what the user himself has set by
//! a call that anybody who is logged in may make. Whoever writes another tenant there reads that
//! tenant's rows.
//!
//! ## Instead
//!
//! `app_metadata`, which only the service can write, or a table of memberships.

use howdah_catalog::{Literal, Policy};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0824",
    name: "policy-trusts-user-metadata",
    level: Level::Error,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("policy_trusts_user_metadata.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        let trusts = |policy: &&Policy| {
            let texts = [policy.using.as_deref(), policy.check.as_deref()];
            // As the name of a field of the token, not as a column.
            texts.into_iter().flatten().any(|text| text.contains("'user_metadata'"))
        };
        for policy in table.policies.iter().filter(trusts) {
            let sql = format!(
                "select polname from pg_policy where polrelid = {}::regclass and polname = {}\n  \
                 and concat(pg_get_expr(polqual, polrelid),\n    \
                 pg_get_expr(polwithcheck, polrelid)) like '%''user_metadata''%'",
                Literal(&table.name.to_string()),
                Literal(policy.name.as_str())
            );
            findings
                .add(
                    Subject::Policy(table.name.clone(), policy.name.clone()),
                    format!(
                        "policy \"{}\" of \"{}\" believes what users write about themselves",
                        policy.name.as_str(),
                        table.name.plain()
                    ),
                )
                .hint("Take it from app_metadata, or from a table of memberships.")
                .proved(Reproducer::query(sql));
        }
    }
}
