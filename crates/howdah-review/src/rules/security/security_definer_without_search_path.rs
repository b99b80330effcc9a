//! A SECURITY DEFINER function takes the search path of its caller.
//!
//! ```sql,invalid
//! create table accounts (id bigint primary key, balance numeric);
//! create function balance_of(account bigint) returns numeric language sql stable security definer
//!     as 'select balance from accounts where id = account';
//! revoke execute on function balance_of(bigint) from public;
//! ```
//!
//! ```sql,valid
//! create table accounts (id bigint primary key, balance numeric);
//! create function balance_of(account bigint) returns numeric language sql stable security definer
//!     set search_path = pg_catalog, public, pg_temp
//!     as 'select balance from accounts where id = account';
//! revoke execute on function balance_of(bigint) from public;
//! create function plain_balance(account bigint) returns numeric language sql stable
//!     as 'select balance from accounts where id = account';
//! create function bound(account bigint) returns numeric language sql stable security definer
//!     begin atomic; select balance from accounts where id = account; end;
//! revoke execute on function bound(bigint) from public;
//! ```
//!
//! ## Why
//!
//! A caller makes a table or an operator of the same name in a schema of its own, puts it first in
//! the path, and the function uses it with the rights of its owner. A body that is parsed when the
//! function is made (`begin atomic`) is not open to it.
//!
//! ## Instead
//!
//! `set search_path = pg_catalog, …, pg_temp` on the function.

use howdah_catalog::{FunctionKind, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0807",
    name: "security-definer-without-search-path",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("security_definer_without_search_path.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for function in &catalog.functions {
        let fixed = function.settings.iter().any(|setting| setting.starts_with("search_path="));
        let interpreted = matches!(function.kind, FunctionKind::Function | FunctionKind::Procedure)
            && matches!(function.language.as_str(), "sql" | "plpgsql");
        let parsed = function.body.trim_start().to_ascii_lowercase();
        let bound = function.language == "sql"
            && (parsed.starts_with("begin atomic") || parsed.starts_with("return "));
        if !function.security_definer || fixed || !interpreted || bound {
            continue;
        }
        let named = format!("{}({})", function.name, function.arguments);
        let sql = format!(
            "select p.oid::regprocedure from pg_proc p\n  \
             join pg_namespace n on n.oid = pronamespace\n  \
             where n.nspname = {} and proname = {} and prosecdef and not exists\n  \
             (select from unnest(proconfig) c where c like 'search_path=%')",
            Literal(function.name.schema.as_str()),
            Literal(function.name.name.as_str())
        );
        findings
            .add(
                Subject::Function(function.name.clone(), function.arguments.clone()),
                format!(
                    "\"{}\" runs with its owner's rights and its caller's search path",
                    function.name.plain()
                ),
            )
            .proved(Reproducer::query(sql))
            .fix(vec![format!(
                "alter routine {named} set search_path = pg_catalog, {}, pg_temp",
                function.name.schema
            )]);
    }
}
