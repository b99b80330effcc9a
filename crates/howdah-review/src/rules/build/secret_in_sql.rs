//! A password stands in a statement.
//!
//! The text at the place is never shown, neither here nor in any report.
//!
//! ```sql,invalid
//! create role app login password 'hunter2';
//! ```
//!
//! ```sql,valid
//! create role app login;
//! create table accounts (id bigint primary key, password text not null default 'none');
//! ```
//!
//! ## Why
//!
//! Whoever reads the repository, its copies, or the server's log can log in. For user mappings and
//! subscriptions the server shows it to the owner in a system view besides.
//!
//! ## Instead
//!
//! Give roles their passwords outside of migrations (`\password`), and let connections to other
//! servers take them from a password file. Change the one that is written here: it is known.

use howdah_sql::command::{Command, Escape, ObjectKind};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};
use crate::secret;

pub(super) const RULE: Rule = Rule {
    code: "HR0103",
    name: "secret-in-sql",
    level: Level::Error,
    group: Group::Build,
    needs: &[Needs::Statements],
    source: include_str!("secret_in_sql.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let what = match &statement.command {
            Command::Escape(Escape::CreateRole(_) | Escape::ChangeRole(_)) => "of a role",
            Command::Escape(Escape::Subscription | Escape::Call(_))
            | Command::CreateOther { kind: ObjectKind::Foreign, .. }
            | Command::AlterOther { kind: ObjectKind::Foreign, .. } => "of another server",
            _ => continue,
        };
        if !secret::passwords(facts.text(id)).is_empty() {
            findings
                .add(Subject::Statement(id), format!("the password {what} stands in a migration"))
                .hint("Change it, since it is known, and set it outside of migrations.")
                .proved(Reproducer::written(id));
        }
    }
}
