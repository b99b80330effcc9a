//! A policy lets everybody change every row.
//!
//! ```sql,invalid
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy everything on orders using (true) with check (true);
//! ```
//!
//! Reading for everybody is a choice that is often meant; so is a role of its own:
//!
//! ```sql,valid
//! create role worker;
//! create table countries (code text primary key);
//! alter table countries enable row level security;
//! alter table countries force row level security;
//! create policy reading on countries for select using (true);
//! create policy working on countries to worker using (true) with check (true);
//! ```
//!
//! ## Why
//!
//! Row security is on, and so looks as if it protected the table. It does not.
//!
//! ## Instead
//!
//! Compare a column with the tenant or user of the session, or name the role that may do
//! everything.

use howdah_catalog::{Literal, PolicyCommand};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0805",
    name: "policy-always-true",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("policy_always_true.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values().filter(|table| table.row_security) {
        for policy in &table.policies {
            let is_true = |text: &Option<String>| {
                text.as_deref().is_some_and(|text| text.trim_matches(['(', ')', ' ']) == "true")
            };
            // What inserts has only a check; what does both takes "using" for a missing check.
            let open = match policy.command {
                PolicyCommand::Select | PolicyCommand::Other(_) => false,
                PolicyCommand::Insert => is_true(&policy.check),
                _ => is_true(&policy.using),
            };
            let for_everybody = policy.roles.iter().any(|role| role.as_str() == "public");
            if !open || !policy.permissive || !for_everybody {
                continue;
            }
            let (name, plain) = (policy.name.as_str(), table.name.plain());
            let sql = format!(
                "select polname from pg_policy where polrelid = {}::regclass and polname = {}\n  \
                 and 'true' in (pg_get_expr(polqual, polrelid),\n    \
                 pg_get_expr(polwithcheck, polrelid))",
                Literal(&table.name.to_string()),
                Literal(name)
            );
            findings
                .add(
                    Subject::Policy(table.name.clone(), policy.name.clone()),
                    format!("policy \"{name}\" lets everybody change every row of \"{plain}\""),
                )
                .hint("Compare a column with the session's tenant, or name the roles in \"to\".")
                .proved(Reproducer::query(sql));
        }
    }
}
