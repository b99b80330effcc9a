//! A tenant reaches the rows of another: two tenants were made on the scratch server, and one of
//! them tried every way.
//!
//! ```sql,invalid
//! create role clerk;
//! create table orders (tenant_id uuid not null, id bigint primary key, note text);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy reading on orders for select
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create policy writing on orders for insert with check (true);
//! grant select, insert on orders to clerk;
//! ```
//!
//! Not crossed: the same condition for every command, and what is not granted:
//!
//! ```sql,valid
//! create role clerk;
//! create table orders (tenant_id uuid not null, id bigint primary key, note text);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid))
//!     with check (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create view my_orders with (security_invoker = true) as select * from orders;
//! grant select, insert, update, delete on orders, my_orders to clerk;
//! ```
//!
//! ## Why
//!
//! Policies are seldom tried. The way round them is a verb without a condition, a view, a
//! partition, a function with its owner's rights, or a session without a tenant.
//!
//! ## Instead
//!
//! One policy for all commands with `using` and `with check`, `force row level security`, views
//! with `security_invoker`, and no grants on partitions.

use howdah_catalog::Column;

use crate::experiment::{TenantKey, TwoTenants};
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::row_security::protected;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0821",
    name: "rows-cross-tenants",
    level: Level::Error,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("rows_cross_tenants.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in protected(catalog).filter(|table| table.partition_of.is_none()) {
        let conditions = || {
            let policies = table.policies.iter();
            policies.flat_map(|p| [p.using.as_deref(), p.check.as_deref()]).flatten()
        };
        let Some((column, setting)) =
            conditions().find_map(|condition| tenant_of(condition, &table.columns))
        else {
            continue;
        };
        findings
            .add(
                Subject::Relation(table.name.clone()),
                format!("a tenant reaches rows of another in \"{}\"", table.name.plain()),
            )
            .experiment(TwoTenants {
                table: table.name.clone(),
                key: TenantKey { column: column.name.clone(), setting },
            });
    }
}

/// The column that a policy compares with a setting of the session, and the setting's name: the
/// column whose name stands nearest before or behind the call.
fn tenant_of<'a>(condition: &str, columns: &'a [Column]) -> Option<(&'a Column, String)> {
    let (before, rest) = condition.split_once("current_setting('")?;
    let (setting, _) = rest.split_once('\'')?;
    let word = |c: char| !c.is_alphanumeric() && c != '_';
    let named = |text: &str| columns.iter().find(|column| column.name.as_str() == text);
    let column =
        before.rsplit(word).find_map(named).or_else(|| rest.split(word).find_map(named))?;
    Some((column, setting.to_owned()))
}
