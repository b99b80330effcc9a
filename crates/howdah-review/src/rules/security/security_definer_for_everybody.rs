//! Everybody may call a function that runs with its owner's rights.
//!
//! ```sql,invalid
//! create table accounts (id bigint primary key, balance numeric);
//! create function wipe() returns void language sql security definer
//!     set search_path = pg_catalog, public, pg_temp as 'delete from accounts';
//! ```
//!
//! A trigger's function cannot be called:
//!
//! ```sql,valid
//! create role clerk;
//! create table accounts (id bigint primary key, balance numeric);
//! create function wipe() returns void language sql security definer
//!     set search_path = pg_catalog, public, pg_temp as 'delete from accounts';
//! revoke execute on function wipe() from public;
//! grant execute on function wipe() to clerk;
//! create function keep() returns trigger language plpgsql security definer
//!     set search_path = pg_catalog, public, pg_temp as 'begin return old; end';
//! ```
//!
//! ## Why
//!
//! PostgreSQL grants execute on a new function to PUBLIC. Every login of the database, whatever it
//! was granted, has what the function does.
//!
//! ## Instead
//!
//! Revoke execute from PUBLIC in the transaction that makes it, and grant it to those who need it.

use howdah_catalog::{GrantTarget, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0808",
    name: "security-definer-for-everybody",
    level: Level::Notice,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("security_definer_for_everybody.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for function in &catalog.functions {
        let result = function.result.as_deref();
        let called = !matches!(result, Some("trigger" | "event_trigger"));
        let everybody = catalog.grants.iter().any(|grant| {
            grant.grantee.as_str() == "public"
                && matches!(&grant.target, GrantTarget::Function(name, arguments)
                    if *name == function.name && *arguments == function.arguments)
        });
        if !function.security_definer || !called || !everybody {
            continue;
        }
        let named = format!("{}({})", function.name, function.arguments);
        let sql = format!(
            "select p.oid::regprocedure from pg_proc p\n  \
             join pg_namespace n on n.oid = pronamespace,\n  \
             aclexplode(coalesce(proacl, acldefault('f', proowner))) a\n  \
             where n.nspname = {} and proname = {} and prosecdef and a.grantee = 0",
            Literal(function.name.schema.as_str()),
            Literal(function.name.name.as_str())
        );
        findings
            .add(
                Subject::Function(function.name.clone(), function.arguments.clone()),
                format!(
                    "everybody may call \"{}\", which has its owner's rights",
                    function.name.plain()
                ),
            )
            .hint("Grant execute to the roles that need it.")
            .proved(Reproducer::query(sql))
            .fix(vec![format!("revoke execute on routine {named} from public")]);
    }
}
