//! An extension has its objects in a schema in which everybody may make more.
//!
//! ```sql,invalid,live
//! grant create on schema public to public;
//! create extension pg_trgm;
//! ```
//!
//! A schema in which only its owner may make objects is as good as one of its own:
//!
//! ```sql,valid,live
//! create extension pg_trgm;
//! create schema extensions;
//! create extension btree_gist schema extensions;
//! ```
//!
//! ## Why
//!
//! Whoever may make objects there can make an operator or a function that fits a call better than
//! the extension's, and others run it.
//!
//! ## Instead
//!
//! `alter extension … set schema …`, or `revoke create on schema public from public`.

use howdah_catalog::{GrantTarget, Literal};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0819",
    name: "extension-in-public",
    level: Level::Info,
    group: Group::Security,
    needs: &[Needs::Statistics],
    source: include_str!("extension_in_public.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for (name, extension) in &catalog.extensions {
        let open = catalog.grants.iter().any(|grant| {
            grant.grantee.as_str() == "public"
                && grant.privilege == "CREATE"
                && grant.target == GrantTarget::Schema(extension.schema.clone())
        });
        if !open {
            continue;
        }
        let sql = format!(
            "select extname from pg_extension e join pg_namespace n on n.oid = extnamespace,\n  \
             aclexplode(nspacl) a where extname = {} and a.grantee = 0\n  \
             and a.privilege_type = 'CREATE'",
            Literal(name.as_str())
        );
        let schema = extension.schema.as_str();
        findings
            .add(
                Subject::Named("extension", name.as_str().to_owned()),
                format!("everybody may make objects beside those of \"{}\"", name.as_str()),
            )
            .detail(format!("Its schema is \"{schema}\"."))
            .proved(Reproducer::query(sql));
    }
}
