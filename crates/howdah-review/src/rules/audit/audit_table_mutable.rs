//! Rows of an audit table can be changed and deleted like any others.
//!
//! ```sql,invalid
//! create table audit_log (id bigint primary key, at timestamptz not null,
//!                         actor text not null, what jsonb not null);
//! ```
//!
//! ```sql,valid
//! create table audit_log (id bigint primary key, at timestamptz not null,
//!                         actor text not null, what jsonb not null);
//! create function refuse() returns trigger language plpgsql as $$
//! begin raise exception 'the audit is not changed'; end $$;
//! create trigger keep before update or delete or truncate on audit_log execute function refuse();
//! create table audit_log_settings (id bigint primary key, note text);
//! ```
//!
//! ## Why
//!
//! Whoever can write the table can also remove what tells on him, the application by a mistake of
//! its own not less than a person. Rights alone do not bind the owner, as whom most applications
//! log in.
//!
//! ## Instead
//!
//! A trigger that refuses, and the rights to update, delete and truncate revoked from everybody.

use howdah_catalog::{Ident, RelName, Relation, Trigger};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::proof;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0901",
    name: "audit-table-mutable",
    level: Level::Warning,
    group: Group::Audit,
    needs: &[Needs::Catalog],
    source: include_str!("audit_table_mutable.rs"),
    check,
};

/// What the names of audit tables end with.
const AUDIT: &[&str] =
    &["audit", "audits", "audit_entries", "audit_events", "audit_log", "audit_logs", "audit_trail"];

/// Whether the table is an audit by its name.
pub(super) fn is_audit(table: &Relation) -> bool {
    let name = table.name.name.as_str();
    AUDIT.iter().any(|word| {
        name == *word || name.strip_suffix(word).is_some_and(|start| start.ends_with('_'))
    })
}

/// Whether the trigger may refuse an update or a delete.
fn may_refuse(trigger: &Trigger) -> bool {
    let head = trigger.definition.split(" ON ").next().unwrap_or("");
    trigger.enabled != 'D' && head.contains(" BEFORE ") && head.contains("DELETE")
}

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables().filter(|table| is_audit(table)) {
        if table.triggers.iter().any(may_refuse) {
            continue;
        }
        let finding = findings.add(
            Subject::Relation(table.name.clone()),
            format!("audit \"{}\" can be changed and deleted", table.name.plain()),
        );
        finding.detail("No trigger refuses it, and rights do not bind the owner.");
        // Bits of tgtype: 2 before, 8 delete.
        finding.proved(proof::no_trigger(table, "t.tgenabled <> 'D' and t.tgtype & 10 = 10"));
        finding.fix(fix(facts, table));
    }
}

fn fix(facts: &Facts, table: &Relation) -> Vec<String> {
    let function = RelName {
        schema: table.name.schema.clone(),
        name: facts.free_name(&table.name.schema, table.name.name.as_str(), "is_kept"),
    };
    vec![
        format!(
            "create function {function}() returns trigger language plpgsql\n\
             set search_path = pg_catalog as $$\nbegin\n  \
             raise exception 'rows of % are not changed', tg_table_name\n    \
             using errcode = 'insufficient_privilege';\nend $$"
        ),
        format!(
            "create trigger {} before update or delete or truncate on {}\n\
             for each statement execute function {function}()",
            Ident::new("is_kept"),
            table.name
        ),
    ]
}
