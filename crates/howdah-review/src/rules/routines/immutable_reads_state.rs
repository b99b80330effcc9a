//! A function is called immutable and depends on the clock, the session or a table.
//!
//! ```sql,invalid
//! create function tomorrow() returns timestamptz language sql immutable as $$
//!   select now() + interval '1 day'
//! $$;
//! ```
//!
//! ```sql,valid
//! create function tomorrow() returns timestamptz language sql stable as $$
//!   select now() + interval '1 day'
//! $$;
//! create function next_day(at timestamptz) returns timestamptz language sql immutable as $$
//!   select at + interval '24 hours' -- not now()
//! $$;
//! ```
//!
//! ## Why
//!
//! The planner computes an immutable function once and keeps the result in the plan; an index on it
//! is never wrong by its own account, and holds yesterday's values.
//!
//! ## Instead
//!
//! `stable` for what is the same within a statement, `volatile` for everything else.

use howdah_catalog::Volatility;

use crate::facts::Facts;
use crate::finding::{Findings, Level};
use crate::routine;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0705",
    name: "immutable-reads-state",
    level: Level::Error,
    group: Group::Routines,
    needs: &[Needs::Catalog],
    source: include_str!("immutable_reads_state.rs"),
    check,
};

const STATE: &[&str] = &[
    "now()",
    "current_timestamp",
    "current_date",
    "clock_timestamp()",
    "statement_timestamp()",
    "current_setting(",
    "current_user",
    "session_user",
    "random()",
    "gen_random_uuid()",
    "nextval(",
];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for function in routine::all(facts) {
        if function.volatility != Volatility::Immutable {
            continue;
        }
        let code = routine::code(&function.body);
        let Some(state) = STATE.iter().find(|state| routine::has(&code, state)) else { continue };
        let place = routine::place(facts, function);
        let pattern = state.trim_end_matches(['(', ')']);
        let finding = findings.add(
            routine::subject(function),
            format!("function \"{}\" is not immutable: it reads {pattern}", function.name.plain()),
        );
        finding.place = place;
        finding.hint("Call it stable, or volatile when it differs within a statement.").proved(
            routine::reproducer(
                function,
                &format!("p.provolatile = 'i' and p.prosrc ~* '\\m{pattern}\\M'"),
            ),
        );
    }
}
