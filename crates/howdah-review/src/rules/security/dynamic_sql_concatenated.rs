//! A function pastes an argument into a statement that it executes: its text became part of the SQL
//! when it was tried.
//!
//! ```sql,invalid
//! create table orders (id bigint primary key, customer text);
//! create function count_of(customer text) returns bigint language plpgsql as $$
//! declare n bigint;
//! begin
//!     execute 'select count(*) from orders where customer = ''' || customer || '''' into n;
//!     return n;
//! end $$;
//! ```
//!
//! ```sql,valid
//! create table orders (id bigint primary key, customer text);
//! create function count_of(customer text) returns bigint language plpgsql as $$
//! declare n bigint;
//! begin
//!     execute 'select count(*) from orders where customer = $1' into n using customer;
//!     execute format('select count(*) from %I', 'orders') into n;
//!     execute 'select count(*) from orders where customer = ' || quote_literal(customer) into n;
//!     return n;
//! end $$;
//! ```
//!
//! ## Why
//!
//! Whoever chooses the argument chooses the statement, and it runs with the rights of the function.
//!
//! ## Instead
//!
//! Values with `using`, names with `format('%I')`.

use howdah_catalog::Function;

use crate::experiment::Injection;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0817",
    name: "dynamic-sql-concatenated",
    level: Level::Warning,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("dynamic_sql_concatenated.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for function in catalog.functions.iter().filter(|function| function.language == "plpgsql") {
        let Some(argument) = pasted(function) else { continue };
        findings
            .add(
                Subject::Function(function.name.clone(), function.arguments.clone()),
                format!(
                    "\"{}\" pastes its argument \"{argument}\" into SQL",
                    function.name.plain()
                ),
            )
            .hint("Give values by \"using\", and names by format('%I').")
            .experiment(Injection {
                function: function.name.clone(),
                arguments: function.arguments.clone(),
                argument,
            });
    }
}

/// The first text argument that stands bare beside `||` in an EXECUTE.
fn pasted(function: &Function) -> Option<String> {
    let texts: Vec<&str> = function
        .arguments
        .split(", ")
        .filter_map(|argument| argument.split_once(' '))
        .filter(|(_, of)| matches!(*of, "text" | "character varying" | "name"))
        .map(|(name, _)| name)
        .collect();
    let body = function.body.as_str();
    let lower = body.to_ascii_lowercase();
    let executes = lower.match_indices("execute").filter(|(at, word)| {
        let bound = |c: char| c.is_alphanumeric() || c == '_';
        !lower[..*at].ends_with(bound) && !lower[at + word.len()..].starts_with(bound)
    });
    for (at, word) in executes {
        let statement = body.get(at + word.len()..)?.split(';').next()?;
        for part in statement.split("||") {
            let part = part.trim().trim_start_matches('(');
            // Behind the last part may come "into" or "using".
            let first = part.split_whitespace().next().unwrap_or_default().trim_end_matches(')');
            let rest = part.split_whitespace().nth(1).map(str::to_ascii_lowercase);
            let alone = rest.is_none_or(|next| matches!(next.as_str(), "into" | "using"));
            if alone && statement.contains("||") && texts.contains(&first) {
                return Some(first.to_owned());
            }
        }
    }
    None
}
