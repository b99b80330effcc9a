//! A function's body holds the password of a connection.
//!
//! ```sql,invalid
//! create function remote() returns text language plpgsql as $$
//! begin
//!     return 'host=elsewhere user=app password=example';
//! end $$;
//! ```
//!
//! A placeholder or an argument is not a password:
//!
//! ```sql,valid
//! create function remote(secret text) returns text language plpgsql as $$
//! begin
//!     return format('host=elsewhere user=app password=%s', secret);
//! end $$;
//! create function other(secret text) returns text language sql
//!     as $$ select 'host=elsewhere user=app password=' || secret $$;
//! ```
//!
//! ## Why
//!
//! Every login may read the source of every function in `pg_proc`.
//!
//! ## Instead
//!
//! A user mapping of `postgres_fdw` with a certificate, or a secret that the application hands
//! over.

use howdah_catalog::Literal;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0816",
    name: "password-in-function",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("password_in_function.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for function in &catalog.functions {
        if !holds_password(&function.body) {
            continue;
        }
        let sql = format!(
            "select p.oid::regprocedure from pg_proc p\n  \
             join pg_namespace n on n.oid = pronamespace\n  \
             where n.nspname = {} and proname = {}\n  \
             and position('pass' || 'word' || chr(61) in prosrc) > 0",
            Literal(function.name.schema.as_str()),
            Literal(function.name.name.as_str())
        );
        findings
            .add(
                Subject::Function(function.name.clone(), function.arguments.clone()),
                format!("the body of \"{}\" holds a password", function.name.plain()),
            )
            .proved(Reproducer::query(sql));
    }
}

/// `password=` and a value, beside another word of a connection string.
fn holds_password(body: &str) -> bool {
    let connects = ["host=", "user=", "dbname=", "port="].iter().any(|word| body.contains(word));
    connects
        && body.match_indices("password=").any(|(at, word)| {
            body[at + word.len()..].starts_with(|c: char| c.is_ascii_alphanumeric())
        })
}
