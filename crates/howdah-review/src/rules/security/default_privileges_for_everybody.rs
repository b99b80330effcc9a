//! Everybody may read or change each table that will be made.
//!
//! ```sql,invalid,live
//! alter default privileges grant select, insert on tables to public;
//! ```
//!
//! ```sql,valid,live
//! do $$ begin
//!     create role howdah_example_reader;
//! exception when duplicate_object then end $$;
//! alter default privileges grant select on tables to howdah_example_reader;
//! alter default privileges revoke execute on functions from public;
//! ```
//!
//! ## Why
//!
//! Nobody who makes a table sees it. A table of secrets is open to every login from its first
//! moment.
//!
//! ## Instead
//!
//! Default privileges for the roles that need them, each by name.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0822",
    name: "default-privileges-for-everybody",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Statistics],
    source: include_str!("default_privileges_for_everybody.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    for (maker, rights) in &in_use.default_privileges {
        let sql = "select d.defaclrole::regrole, a.privilege_type\n  \
                   from pg_default_acl d, aclexplode(d.defaclacl) a\n  \
                   where d.defaclobjtype = 'r' and a.grantee = 0";
        findings
            .add(
                Subject::Named("default privileges of", maker.clone()),
                format!("each table that \"{maker}\" makes is open to everybody"),
            )
            .detail(format!("PUBLIC will have {rights}."))
            .proved(Reproducer::query(sql));
    }
}
