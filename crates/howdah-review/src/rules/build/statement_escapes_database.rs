//! A statement changes more than its database: the server's settings, its roles or files, or
//! another server.
//!
//! It was not run. Roles that it would make were made without any right, so that what follows can
//! be built.
//!
//! ```sql,invalid
//! alter system set work_mem = '1GB';
//! ```
//!
//! ```sql,invalid
//! create table t (line text);
//! copy t from program 'cat /etc/hostname';
//! ```
//!
//! ```sql,invalid
//! do $$ begin
//!     if not exists (select from pg_roles where rolname = 'howdah_example') then
//!         create role howdah_example;
//!     end if;
//! end $$;
//! grant select on all tables in schema public to howdah_example;
//! ```
//!
//! ```sql,valid
//! create table t (line text);
//! alter table t set (autovacuum_vacuum_scale_factor = 0.01);
//! do $$ begin execute format('alter database %I set timezone to %L', current_database(), 'UTC');
//! end $$;
//! ```
//!
//! ## Why
//!
//! Other databases of the server feel it, a managed service refuses it, it needs a superuser, and
//! undoing the migration does not undo it. `alter system` cannot even run in a transaction.
//!
//! ## Instead
//!
//! Set up servers and roles beside the migrations, where who set up the server does it once. What
//! concerns this database alone goes into `alter database … set` or into the table's options.

use howdah_sql::command::{Command, CopyTarget, Escape, escapes_within};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0102",
    name: "statement-escapes-database",
    level: Level::Warning,
    group: Group::Build,
    needs: &[Needs::Statements],
    source: include_str!("statement_escapes_database.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let (escapes, detail) = match &statement.command {
            Command::Escape(escape) => {
                (vec![escape.clone()], "It was left out when the files were tried.")
            }
            Command::Do { body, .. } => (
                escapes_within(&body.text),
                "It stands in a block, which was run without the right.",
            ),
            _ => continue,
        };
        for escape in &escapes {
            let (level, message) = describe(escape);
            findings
                .add(Subject::Statement(id), message)
                .level(level)
                .detail(detail)
                .proved(Reproducer::written(id));
        }
    }
}

fn describe(escape: &Escape) -> (Level, String) {
    match escape {
        Escape::AlterSystem(setting) => (
            Level::Error,
            format!("a migration changes the setting \"{setting}\" of the whole server"),
        ),
        Escape::CreateRole(role) => {
            (Level::Notice, format!("a migration makes the role \"{role}\" for the whole server"))
        }
        Escape::ChangeRole(role) => {
            (Level::Notice, format!("a migration changes the role \"{role}\" of the whole server"))
        }
        Escape::Database => (Level::Warning, "a migration changes a database as a whole".into()),
        Escape::Tablespace => {
            (Level::Warning, "a migration names folders of the server's machine".into())
        }
        Escape::Copy(CopyTarget::Program) => {
            (Level::Error, "a migration runs a program on the server's machine".into())
        }
        Escape::Copy(_) => {
            (Level::Error, "a migration reads or writes a file of the server's machine".into())
        }
        Escape::Load => (Level::Error, "a migration loads a library into the server".into()),
        Escape::Subscription => (Level::Notice, "a migration subscribes to another server".into()),
        Escape::Language(language) => {
            (Level::Warning, format!("code in the language \"{language}\" can reach the machine"))
        }
        Escape::Call(function) => {
            (Level::Warning, format!("a call of {function}() reaches out of the database"))
        }
    }
}
