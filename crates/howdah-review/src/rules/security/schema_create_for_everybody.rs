//! Everybody may make objects in a schema.
//!
//! ```sql,invalid
//! grant create on schema public to public;
//! ```
//!
//! ```sql,valid
//! create role builder;
//! create schema app;
//! grant usage on schema app to public;
//! grant create on schema app to builder;
//! ```
//!
//! ## Why
//!
//! A login makes a function or a table with the name of one that others call, and they run it with
//! their own rights. Until PostgreSQL 14 every database was so; an upgrade keeps it.
//!
//! ## Instead
//!
//! `revoke create on schema public from public`.

use howdah_catalog::{GrantTarget, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0811",
    name: "schema-create-for-everybody",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("schema_create_for_everybody.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for grant in catalog.grants.iter().filter(|grant| grant.grantee.as_str() == "public") {
        let GrantTarget::Schema(schema) = &grant.target else { continue };
        if grant.privilege != "CREATE" {
            continue;
        }
        let sql = format!(
            "select nspname from pg_namespace n, aclexplode(nspacl) a\n  \
             where nspname = {} and a.grantee = 0 and a.privilege_type = 'CREATE'",
            Literal(schema.as_str())
        );
        findings
            .add(
                Subject::Named("schema", schema.as_str().to_owned()),
                format!("everybody may make objects in schema \"{}\"", schema.as_str()),
            )
            .proved(Reproducer::query(sql))
            .fix(vec![format!("revoke create on schema {schema} from public")]);
    }
}
