//! A function puts a statement together from its arguments by `||`.
//!
//! ```sql,invalid
//! create function purge(name text) returns void language plpgsql as $$
//! begin
//!   execute 'delete from ' || name;
//! end $$;
//! ```
//!
//! ```sql,valid
//! create function purge(name text) returns void language plpgsql as $$
//! begin
//!   execute format('delete from %I', name);
//!   execute 'delete from ' || quote_ident(name);
//!   execute 'select ' || '1';
//! end $$;
//! ```
//!
//! ## Why
//!
//! Whoever chooses the argument chooses the statement: `name` may be `a; drop table b`. A function
//! with `security definer` runs it as its owner.
//!
//! ## Instead
//!
//! `execute format('… %I …', name) using value`: `%I` for names, `using` for values.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::routine;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0703",
    name: "sql-by-concatenation",
    level: Level::Warning,
    group: Group::Routines,
    needs: &[Needs::Catalog],
    source: include_str!("sql_by_concatenation.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for function in routine::all(facts).filter(|function| function.language == "plpgsql") {
        let code = routine::code(&function.body);
        // A constant is left as '', whatever it held.
        let mut glued = code.split(';').filter_map(|statement| {
            let at = routine::find(statement, "execute")?;
            let text = statement[at + "execute".len()..].split(" using ").next()?;
            text.split("||").skip(usize::from(!text.contains("||"))).find_map(plain_name)
        });
        let Some(name) = glued.next() else { continue };
        let place = routine::place(facts, function);
        let finding = findings.add(
            routine::subject(function),
            format!("function \"{}\" runs text that holds \"{name}\"", function.name.plain()),
        );
        finding.place = place;
        finding.hint("Put it together by format(), with %I for names, and give values by USING.");
    }
}

/// A part of a concatenation that is a bare name, or a cast of one.
fn plain_name(part: &str) -> Option<String> {
    let part = part.trim().trim_matches(['(', ')']).trim();
    let name = part.split("::").next()?.trim();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'));
    is_name.then(|| name.to_owned())
}
