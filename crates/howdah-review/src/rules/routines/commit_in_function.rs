//! A function ends a transaction, which only procedures can.
//!
//! ```sql,invalid
//! create function archive() returns int language plpgsql as $$
//! begin
//!   commit;
//!   return 1;
//! end $$;
//! ```
//!
//! ```sql,valid
//! create procedure archive() language plpgsql as $$ begin commit; end $$;
//! create table done (at timestamptz primary key) ;
//! create function on_commit() returns text language plpgsql as $$
//! begin
//!   return 'commit;'; -- commit;
//! end $$;
//! ```
//!
//! ## Why
//!
//! A function runs within the statement that calls it, and that within its transaction. The call
//! fails with SQLSTATE 2D000 as soon as it comes to the `commit`.
//!
//! ## Instead
//!
//! Make it a procedure and `call` it outside of a transaction, or leave the commit to the caller.

use howdah_catalog::FunctionKind;

use crate::experiment::CallFails;
use crate::facts::Facts;
use crate::finding::{Expect, Findings, Level, Login, Reproducer};
use crate::routine;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0702",
    name: "commit-in-function",
    level: Level::Error,
    group: Group::Routines,
    needs: &[Needs::Catalog],
    source: include_str!("commit_in_function.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for function in routine::all(facts) {
        if function.kind == FunctionKind::Procedure || function.language != "plpgsql" {
            continue;
        }
        let code = routine::code(&function.body);
        let ends = |word: &str| {
            ["begin", "then", "loop", "else"]
                .iter()
                .any(|before| code.contains(&format!("{before} {word};")))
                || code.contains(&format!("; {word};"))
        };
        let Some(word) = ["commit", "rollback"].into_iter().find(|word| ends(word)) else {
            continue;
        };
        let place = routine::place(facts, function);
        let finding = findings.add(
            routine::subject(function),
            format!("function \"{}\" cannot {word}", function.name.plain()),
        );
        finding.place = place;
        finding.hint("Make it a procedure, or leave the end of the transaction to the caller.");
        if function.arguments.is_empty() && function.result.as_deref() != Some("trigger") {
            finding.experiment(CallFails(Reproducer {
                before: None,
                sql: format!("select {}()", function.name),
                expect: Expect::Failure("2D000".to_owned()),
                login: Login::Owner,
            }));
        }
    }
}
