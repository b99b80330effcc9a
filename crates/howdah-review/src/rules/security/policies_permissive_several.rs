//! Several permissive policies of a table hold for the same command and role.
//!
//! ```sql,invalid
//! create table orders (tenant_id uuid, owner text, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy by_tenant on orders for select
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create policy by_owner on orders for select using (owner = current_user);
//! ```
//!
//! Policies for other commands or roles do not meet, and a restrictive one narrows:
//!
//! ```sql,valid
//! create role worker;
//! create table orders (tenant_id uuid, owner text, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy reading on orders for select
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create policy own on orders as restrictive using (owner = current_user);
//! create policy removing on orders for delete using (owner = current_user);
//! create policy working on orders for select to worker using (tenant_id is not null);
//! ```
//!
//! ## Why
//!
//! They are joined by "or": a row that any of them lets through is seen, and all of them are
//! computed for each row. Who adds a second policy to narrow the first has widened it.
//!
//! ## Instead
//!
//! One policy with the whole condition, or `as restrictive` for what must hold besides.

use howdah_catalog::{Literal, Policy, PolicyCommand};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0806",
    name: "policies-permissive-several",
    level: Level::Notice,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("policies_permissive_several.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values().filter(|table| table.row_security) {
        let permissive: Vec<&Policy> = table.policies.iter().filter(|p| p.permissive).collect();
        let pair = permissive.iter().enumerate().find_map(|(at, one)| {
            let other = permissive[at + 1..].iter().find(|other| meet(one, other))?;
            Some((*one, *other))
        });
        let Some((one, other)) = pair else { continue };
        let sql = format!(
            "select polname from pg_policy where polrelid = {}::regclass and polpermissive\n  \
             and polname in ({}, {})",
            Literal(&table.name.to_string()),
            Literal(one.name.as_str()),
            Literal(other.name.as_str())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("policies of \"{}\" widen one another", table.name.plain()),
            )
            .detail(format!(
                "\"{}\" and \"{}\" hold for the same command and role: either is enough.",
                one.name.as_str(),
                other.name.as_str()
            ))
            .hint("Join them to one policy, or make what must hold besides restrictive.")
            .proved(Reproducer::query(sql));
    }
}

/// Whether both hold for the same command of the same role. "All" beside one command is the usual
/// way to let readers see more than writers, so only the same word counts.
fn meet(one: &Policy, other: &Policy) -> bool {
    let same = one.command == other.command && !matches!(one.command, PolicyCommand::Other(_));
    same && one.roles.iter().any(|role| other.roles.contains(role))
}
