//! A function makes a temporary table each time it is called.
//!
//! ```sql,invalid
//! create function load(lines text[]) returns bigint language plpgsql as $$
//! begin
//!   create temporary table batch (line text) on commit drop;
//!   insert into batch select unnest(lines);
//!   return (select count(*) from batch);
//! end $$;
//! ```
//!
//! ```sql,valid
//! create temporary table once (id bigint primary key);
//! create function load(lines text[]) returns bigint language sql as $$
//!   select count(*) from unnest(lines) -- no create temp table here
//! $$;
//! ```
//!
//! ## Why
//!
//! Each call writes some dozen rows into the catalogs and deletes them again. The catalogs bloat,
//! and every session pays for it when it looks a name up; two thousand calls let `pg_attribute`
//! grow more than tenfold.
//!
//! ## Instead
//!
//! Take the rows as an array and `unnest` it, or `copy` into a table that is there.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::routine;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0704",
    name: "temporary-table-per-call",
    level: Level::Notice,
    group: Group::Routines,
    needs: &[Needs::Catalog],
    source: include_str!("temporary_table_per_call.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for function in routine::all(facts) {
        let code = routine::code(&function.body);
        let makes = ["create temp table", "create temporary table"];
        if !makes.iter().any(|words| routine::has(&code, words)) {
            continue;
        }
        let place = routine::place(facts, function);
        let finding = findings.add(
            routine::subject(function),
            format!("function \"{}\" makes a table at each call", function.name.plain()),
        );
        finding.place = place;
        finding
            .hint("Take an array and unnest it, or copy into a table that is there.")
            .proved(routine::reproducer(function, "p.prosrc ~* 'create\\s+temp(orary)?\\s+table'"));
    }
}
