//! The password of another server is kept readable in the database.
//!
//! ```sql,invalid,live
//! create extension postgres_fdw;
//! create server elsewhere foreign data wrapper postgres_fdw;
//! create user mapping for current_user server elsewhere options (user 'app', password 'example');
//! ```
//!
//! ```sql,valid,live
//! create extension postgres_fdw;
//! create server elsewhere foreign data wrapper postgres_fdw;
//! create user mapping for current_user server elsewhere options (user 'app');
//! ```
//!
//! ## Why
//!
//! `pg_user_mappings` shows it to the superuser, the owner of the server and the mapped login, and
//! each dump carries it.
//!
//! ## Instead
//!
//! A client certificate, SCRAM pass-through (PostgreSQL 18), or a `.pgpass` of the server's user.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0815",
    name: "password-in-user-mapping",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Settings],
    source: include_str!("password_in_user_mapping.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for (server, login) in &in_use.mappings_with_password {
        let sql = "select srvname, usename from pg_user_mappings\n  \
                   where exists (select from unnest(umoptions) o\n  \
                   where split_part(o, chr(61), 1) = 'pass' || 'word')";
        findings
            .add(
                Subject::Named("user mapping", format!("{login} on {server}")),
                format!("the password for server \"{server}\" is kept in the database"),
            )
            .detail(format!("It is in the user mapping of \"{login}\"."))
            .proved(Reproducer::query(sql));
    }
}
