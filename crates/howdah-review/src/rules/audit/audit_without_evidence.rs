//! Nothing in an audit table would show that a row of it was changed or removed.
//!
//! ```sql,invalid
//! create table audit_log (id bigint primary key, at timestamptz not null, what jsonb not null);
//! ```
//!
//! ```sql,valid
//! create table audit_log (id bigint primary key, at timestamptz not null, what jsonb not null,
//!                         previous_hash bytea, row_hash bytea not null);
//! ```
//!
//! ## Why
//!
//! A superuser can switch every trigger off. With a hash of each row over the row and the hash
//! before it, whoever has one later hash can tell that nothing before was touched.
//!
//! ## Instead
//!
//! A chain of hashes per writer, the last of them kept outside of the database.

use super::audit_table_mutable::is_audit;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0903",
    name: "audit-without-evidence",
    level: Level::Info,
    group: Group::Audit,
    needs: &[Needs::Catalog],
    source: include_str!("audit_without_evidence.rs"),
    check,
};

/// Parts of names of columns that hold evidence.
const EVIDENCE: &[&str] = &["checksum", "digest", "hash", "hmac", "mac", "signature"];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables().filter(|table| is_audit(table)) {
        let evidence = table
            .columns
            .iter()
            .any(|column| column.name.as_str().split('_').any(|word| EVIDENCE.contains(&word)));
        if !evidence {
            findings
                .add(
                    Subject::Relation(table.name.clone()),
                    format!("audit \"{}\" has no evidence against tampering", table.name.plain()),
                )
                .hint("Chain its rows by hashes, and keep the last one elsewhere.");
        }
    }
}
