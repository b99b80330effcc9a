//! A check is added to a domain, and every table with a column of it is read under a lock.
//!
//! ```sql,invalid
//! -- file: 0001_orders.sql
//! create domain amount as numeric;
//! create table orders (id bigint primary key, paid amount);
//! -- file: 0002_check.sql
//! alter domain amount add constraint positive check (value > 0);
//! ```
//!
//! ```sql,valid
//! -- file: 0001_orders.sql
//! create domain amount as numeric;
//! create table orders (id bigint primary key, paid amount);
//! -- file: 0002_check.sql
//! alter domain amount add constraint positive check (value > 0) not valid;
//! -- file: 0003_unused.sql
//! create domain unused as numeric;
//! alter domain unused add constraint positive check (value > 0);
//! ```
//!
//! ## Why
//!
//! Writers of all those tables wait until each was read from end to end, one after the other, in
//! one transaction.
//!
//! ## Instead
//!
//! Add it as `not valid`, which holds for new values at once and reads nothing, and validate it in
//! a migration of its own, at a quiet time: that reads the tables too.

use howdah_sql::command::{Command, ObjectKind};

use crate::facts::Facts;
use crate::finding::{Expect, Findings, Level, Login, Reproducer, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0229",
    name: "domain-check-reads-tables",
    level: Level::Warning,
    group: Group::Locks,
    needs: &[Needs::Build],
    source: include_str!("domain_check_reads_tables.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for (id, statement) in facts.statements() {
        let Command::AlterOther { kind: ObjectKind::Domain, name: Some(domain) } =
            &statement.command
        else {
            continue;
        };
        let text = facts.text(id);
        let words = text.to_ascii_lowercase();
        if !words.contains("check") || words.contains("not valid") || words.contains("drop ") {
            continue;
        }
        let Some(trace) = facts.trace(id) else { continue };
        let old =
            |name: &&howdah_catalog::RelName| facts.may_hold_rows(&crate::facts::name(name), id);
        let Some(table) = trace.scanned.iter().find(old) else { continue };
        let count = format!(
            "pg_stat_get_xact_numscans({}::regclass)",
            howdah_catalog::Literal(&table.to_string())
        );
        findings
            .add(
                Subject::Statement(id),
                format!(
                    "writers of \"{}\" wait while a check of domain \"{}\" reads all of it",
                    table.plain(),
                    domain.plain()
                ),
            )
            .hint("Add it not valid, and validate it in a migration of its own.")
            .proved(Reproducer {
                before: Some(id),
                sql: format!(
                    "begin;\nselect {count} as scans into temp howdah_before;\n{text};\n\
                     select 'read from end to end' from howdah_before where scans < {count}"
                ),
                expect: Expect::Rows,
                login: Login::Owner,
            })
            .instead(id, vec![format!("{} not valid", text.trim_end())]);
    }
}
