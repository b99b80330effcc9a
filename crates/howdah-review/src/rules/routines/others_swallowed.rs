//! A function catches every error and goes on as if there had been none.
//!
//! ```sql,invalid
//! create function report() returns int language plpgsql as $$
//! begin
//!   return 1 / 0;
//! exception when others then
//!   raise warning 'failed: %', sqlerrm;
//!   return null;
//! end $$;
//! ```
//!
//! What is caught may be told on, or be one error that is expected:
//!
//! ```sql,valid
//! create function told() returns int language plpgsql as $$
//! begin
//!   return 1 / 0;
//! exception when others then
//!   raise notice 'failed';
//!   raise;
//! end $$;
//! create function expected() returns int language plpgsql as $$
//! begin
//!   return 1 / 0; -- when others then null
//! exception when division_by_zero then
//!   return null;
//! end $$;
//! ```
//!
//! ## Why
//!
//! The caller gets an empty answer and believes it. A deadlock, a full disk or a typing error in
//! the function looks the same as "there is nothing".
//!
//! ## Instead
//!
//! Catch the errors that are expected, by name; let the others through, or end the handler by
//! `raise;`.

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::routine;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0701",
    name: "others-swallowed",
    level: Level::Warning,
    group: Group::Routines,
    needs: &[Needs::Catalog],
    source: include_str!("others_swallowed.rs"),
    check,
};

const TELLS: &[&str] = &["raise;", "raise exception", "raise sqlstate", "raise using"];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for function in routine::all(facts).filter(|function| function.language == "plpgsql") {
        let code = routine::code(&function.body);
        let Some(at) = routine::find(&code, "when others then") else { continue };
        let handler = &code[at..];
        let tells =
            TELLS.iter().any(|word| routine::has(handler, word)) || handler.contains("raise ''");
        if tells {
            continue;
        }
        let condition = "p.prosrc ~* 'when\\s+others\\s+then'\n    and \
             substring(p.prosrc from '(?i)when\\s+others\\s+then(.*)$') !~* \
             'raise\\s*(;|exception|sqlstate|using)'";
        let place = routine::place(facts, function);
        let finding = findings.add(
            routine::subject(function),
            format!("function \"{}\" hides every error from its caller", function.name.plain()),
        );
        finding.place = place;
        finding
            .hint("Name the errors that are expected, or end the handler by \"raise;\".")
            .proved(routine::reproducer(function, condition));
    }
}
