//! A table has policies, and row security is not enabled: the policies do nothing.
//!
//! ```sql,invalid
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! ```
//!
//! ```sql,valid
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create table countries (code text primary key);
//! ```
//!
//! ## Why
//!
//! Whoever wrote the policy believes that the rows are shared out. Everybody who may read the table
//! reads all of them.
//!
//! ## Instead
//!
//! `alter table … enable row level security`, and `force`, so that the owner is bound too.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0803",
    name: "policy-without-row-security",
    level: Level::Error,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("policy_without_row_security.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        if table.row_security || table.policies.is_empty() {
            continue;
        }
        let sql = format!(
            "select polname from pg_policy p join pg_class c on c.oid = p.polrelid\n  \
             where c.oid = {}::regclass and not c.relrowsecurity",
            Literal(&table.name.to_string())
        );
        let message = format!("the policies of \"{}\" do nothing", table.name.plain());
        findings
            .add(Subject::Relation(table.name.clone()), message)
            .detail(format!("It has {}, and row security is off.", count(table.policies.len())))
            .proved(Reproducer::query(sql))
            .fix(vec![
                format!("alter table {} enable row level security", table.name),
                format!("alter table {} force row level security", table.name),
            ]);
    }
}

fn count(policies: usize) -> String {
    if policies == 1 { "a policy".to_owned() } else { format!("{policies} policies") }
}
