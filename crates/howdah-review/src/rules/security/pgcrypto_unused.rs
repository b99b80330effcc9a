//! The extension pgcrypto is there and nothing in the database uses it.
//!
//! ```sql,invalid
//! create extension pgcrypto;
//! create table accounts (id uuid primary key default gen_random_uuid(), secret text);
//! ```
//!
//! ```sql,valid
//! create extension pgcrypto;
//! create table accounts (id bigint primary key, secret text not null);
//! create function keep(id bigint, secret text) returns void language sql
//!     as $$ insert into accounts values (id, crypt(secret, gen_salt('bf'))) $$;
//! ```
//!
//! ## Why
//!
//! It is often the trace of an encryption that was planned. `gen_random_uuid()` is PostgreSQL's own
//! since version 13.
//!
//! ## Instead
//!
//! Drop it, or use it. When the application's own statements call it, this can be allowed.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0818",
    name: "pgcrypto-unused",
    level: Level::Info,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("pgcrypto_unused.rs"),
    check,
};

/// What it is called for; `gen_random_uuid` is not among them.
const FUNCTIONS: &[&str] = &[
    "crypt(",
    "gen_salt(",
    "digest(",
    "hmac(",
    "pgp_",
    "encrypt(",
    "decrypt(",
    "encrypt_iv(",
    "decrypt_iv(",
    "gen_random_bytes(",
    "armor(",
    "dearmor(",
];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    if !catalog.extensions.keys().any(|name| name.as_str() == "pgcrypto") {
        return;
    }
    let calls = |text: &str| FUNCTIONS.iter().any(|function| text.contains(function));
    let in_relation = catalog.relations.values().any(|relation| {
        let defaults = relation.columns.iter().filter_map(|column| column.default.as_deref());
        let policies = relation.policies.iter();
        let conditions = policies.flat_map(|p| [p.using.as_deref(), p.check.as_deref()]).flatten();
        let checks = relation.constraints.iter().map(|c| c.definition.as_str());
        let indexes = relation.indexes.iter().map(|index| index.definition.as_str());
        let query = relation.definition.as_deref();
        defaults.chain(conditions).chain(checks).chain(indexes).chain(query).any(calls)
    });
    let in_function = catalog.functions.iter().any(|function| calls(&function.body));
    let workload = facts.in_use.as_ref().and_then(|in_use| in_use.workload.as_ref());
    let in_workload = workload.into_iter().flatten().any(|statement| calls(&statement.query));
    let in_files = facts.statements().any(|(id, statement)| {
        matches!(
            statement.command,
            howdah_sql::command::Command::Query | howdah_sql::command::Command::Insert { .. }
        ) && calls(facts.text(id))
    });
    if in_relation || in_function || in_workload || in_files {
        return;
    }
    findings
        .add(
            Subject::Named("extension", "pgcrypto".to_owned()),
            "nothing in the database uses pgcrypto",
        )
        .proved(Reproducer::query("select extname from pg_extension where extname = 'pgcrypto'"));
}
