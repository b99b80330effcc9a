//! New passwords are kept as MD5.
//!
//! ```sql,invalid,live
//! -- server: password_encryption = md5
//! select 1;
//! ```
//!
//! ```sql,valid,live
//! -- server: password_encryption = scram-sha-256
//! select 1;
//! ```
//!
//! ## Why
//!
//! Who reads the hash can log in with it, and it is tried at billions a second. PostgreSQL 18 warns
//! that MD5 will go.
//!
//! ## Instead
//!
//! `password_encryption = 'scram-sha-256'`, then set each password anew.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR1005",
    name: "password-encryption-md5",
    level: Level::Warning,
    group: Group::Settings,
    needs: &[Needs::Settings],
    source: include_str!("password_encryption_md5.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(in_use) = &facts.in_use else { return };
    if in_use.settings.get("password_encryption").is_none_or(|value| value != "md5") {
        return;
    }
    let sql = "select name, setting from pg_settings\n  \
               where name = 'password_encryption' and setting = 'md5'";
    findings
        .add(
            Subject::Named("setting", "password_encryption".to_owned()),
            "new passwords are kept as MD5",
        )
        .hint("Set password_encryption to scram-sha-256 and each password anew.")
        .proved(Reproducer::query(sql))
        .set("password_encryption", "scram-sha-256");
}
