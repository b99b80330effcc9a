//! Everybody may read a column whose name says that it is secret.
//!
//! ```sql,invalid
//! create table accounts (id bigint primary key, password_hash text);
//! grant select on accounts to public;
//! ```
//!
//! ```sql,valid
//! create role clerk;
//! create table accounts (id bigint primary key, password_hash text);
//! grant select on accounts to clerk;
//! grant select (id) on accounts to public;
//! create table rules (id bigint primary key, password_min_length int, token_count int);
//! grant select on rules to public;
//! ```
//!
//! ## Why
//!
//! PUBLIC is every login of the database, that of a dashboard too.
//!
//! ## Instead
//!
//! Grant the other columns, or a view without it.

use howdah_catalog::{Column, GrantTarget, Literal, RelName};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0820",
    name: "sensitive-column-for-everybody",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("sensitive_column_for_everybody.rs"),
    check,
};

/// Words of column names; those of figures about them are told by the type.
const WORDS: &[&str] = &[
    "password",
    "passwd",
    "password_hash",
    "password_digest",
    "secret",
    "api_key",
    "access_token",
    "refresh_token",
    "private_key",
    "ssn",
    "social_security_number",
    "credit_card",
    "card_number",
    "cvv",
    "iban",
    "totp_secret",
    "encrypted_password",
];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.values().filter(|table| !table.row_security) {
        let column = table.columns.iter().find(|column| {
            is_secret(column)
                && catalog.grants.iter().any(|grant| {
                    grant.grantee.as_str() == "public"
                        && grant.privilege == "SELECT"
                        && covers(&grant.target, &table.name, column)
                })
        });
        let Some(column) = column else { continue };
        let name = column.name.as_str();
        let sql = format!(
            "select attname from pg_attribute a join pg_class c on c.oid = attrelid,\n  \
             aclexplode(coalesce(attacl, '{{}}') || coalesce(relacl, '{{}}')) g\n  \
             where c.oid = {}::regclass and attname = {} and g.grantee = 0\n  \
             and g.privilege_type = 'SELECT'",
            Literal(&table.name.to_string()),
            Literal(name)
        );
        findings
            .add(
                Subject::Column(table.name.clone(), column.name.clone()),
                format!("everybody may read \"{name}\" of \"{}\"", table.name.plain()),
            )
            .proved(Reproducer::query(sql))
            .fix(vec![
                format!("revoke select on {} from public", table.name),
                format!("revoke select ({}) on {} from public", column.name, table.name),
            ]);
    }
}

fn is_secret(column: &Column) -> bool {
    let holds_text = matches!(column.type_base.as_str(), "text" | "varchar" | "bpchar" | "bytea");
    let name = column.name.as_str().to_ascii_lowercase();
    holds_text && WORDS.contains(&name.as_str())
}

fn covers(target: &GrantTarget, table: &RelName, column: &Column) -> bool {
    match target {
        GrantTarget::Relation(name) => name == table,
        GrantTarget::Column(name, of) => name == table && *of == column.name,
        _ => false,
    }
}
