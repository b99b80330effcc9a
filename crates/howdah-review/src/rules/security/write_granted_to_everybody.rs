//! Everybody may change the rows of a table.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key);
//! grant all on orders to public;
//! ```
//!
//! Reading may be meant for everybody:
//!
//! ```sql,valid
//! create role clerk;
//! create table countries (code text primary key);
//! grant select on countries to public;
//! grant insert, update on countries to clerk;
//! ```
//!
//! ## Why
//!
//! PUBLIC is every login there is and every one that will be, those of monitoring and of other
//! applications too.
//!
//! ## Instead
//!
//! Grant to the roles that need it.

use howdah_catalog::Literal;
use howdah_catalog::name::list;

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::row_security::grants_on;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0812",
    name: "write-granted-to-everybody",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("write_granted_to_everybody.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for table in catalog.relations.keys() {
        let rights: Vec<String> = grants_on(catalog, table)
            .filter(|grant| grant.grantee.as_str() == "public")
            .map(|grant| grant.privilege.to_ascii_lowercase())
            .filter(|right| matches!(right.as_str(), "insert" | "update" | "delete" | "truncate"))
            .collect();
        if rights.is_empty() {
            continue;
        }
        let sql = format!(
            "select a.privilege_type from pg_class c, aclexplode(relacl) a\n  \
             where c.oid = {}::regclass and a.grantee = 0 and a.privilege_type <> 'SELECT'",
            Literal(&table.to_string())
        );
        findings
            .add(
                Subject::Relation(table.clone()),
                format!("everybody may change \"{}\"", table.plain()),
            )
            .detail(format!("PUBLIC has {}.", list(&rights)))
            .proved(Reproducer::query(sql))
            .fix(vec![format!(
                "revoke insert, update, delete, truncate, references, trigger on {table} \
                 from public"
            )]);
    }
}
