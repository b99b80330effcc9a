//! A table has policies, and its owner is not bound by them.
//!
//! ```sql,invalid
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! ```
//!
//! A table without policies is closed to all but its owner, and may be meant so:
//!
//! ```sql,valid
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create table secrets (id bigint primary key);
//! alter table secrets enable row level security;
//! ```
//!
//! ## Why
//!
//! An application that logs in as the owner, as most do that run their own migrations, sees and
//! changes the rows of every tenant.
//!
//! ## Instead
//!
//! `alter table … force row level security`, and let the application log in as another role.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0801",
    name: "row-security-not-forced",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("row_security_not_forced.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values() {
        if !table.row_security || table.force_row_security || table.policies.is_empty() {
            continue;
        }
        let sql = format!(
            "select relname, pg_get_userbyid(relowner) from pg_class\n  \
             where oid = {}::regclass and relrowsecurity and not relforcerowsecurity",
            Literal(&table.name.to_string())
        );
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("the owner of \"{}\" is not bound by its policies", table.name.plain()),
            )
            .proved(Reproducer::query(sql))
            .fix(vec![format!("alter table {} force row level security", table.name)]);
    }
}
