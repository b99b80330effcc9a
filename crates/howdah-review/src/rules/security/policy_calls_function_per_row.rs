//! A policy calls a function for each row that could call it once for the query.
//!
//! ```sql,invalid
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders using (tenant_id = current_setting('app.tenant', true)::uuid);
//! ```
//!
//! A function that is left volatile, as every function is that does not say so:
//!
//! ```sql,invalid
//! create function tenant() returns uuid language plpgsql
//!     as $$ begin return current_setting('app.tenant', true)::uuid; end $$;
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders using (tenant_id = tenant());
//! ```
//!
//! A sub-query is computed once; an index that the policy's columns lead is asked once:
//!
//! ```sql,valid
//! create table orders (tenant_id uuid not null, id bigint primary key);
//! alter table orders enable row level security;
//! alter table orders force row level security;
//! create policy own on orders
//!     using (tenant_id = (select current_setting('app.tenant', true)::uuid));
//! create table lines (tenant_id uuid, id bigint, primary key (tenant_id, id));
//! alter table lines enable row level security;
//! alter table lines force row level security;
//! create policy own on lines using (tenant_id = current_setting('app.tenant', true)::uuid);
//! ```
//!
//! ## Why
//!
//! A scan of a million rows calls it a million times. The planner cannot know that the answer is
//! the same for all of them; a PL/pgSQL function made such a query eight times as slow.
//!
//! ## Instead
//!
//! Write the call as `(select f())`.

use std::collections::HashSet;

use howdah_catalog::{Catalog, Function, Policy, Relation, RelationKind, Volatility};

use crate::experiment::PolicyPlan;
use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0802",
    name: "policy-calls-function-per-row",
    level: Level::Notice,
    group: Group::Security,
    needs: &[Needs::Catalog],
    source: include_str!("policy_calls_function_per_row.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    let tables = catalog
        .relations
        .values()
        .filter(|table| matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable));
    let stable = stable(catalog);
    for table in tables.filter(|table| table.row_security) {
        for policy in &table.policies {
            let Some(using) = &policy.using else { continue };
            let Some(call) = call_per_row(&stable, table, using) else { continue };
            let finding = findings.add(
                Subject::Policy(table.name.clone(), policy.name.clone()),
                format!(
                    "policy \"{}\" of \"{}\" calls {}() for each row",
                    policy.name.as_str(),
                    table.name.plain(),
                    call.function
                ),
            );
            finding
                .hint(format!("Write it as (select {}(…)): it is then called once.", call.function))
                .experiment(PolicyPlan {
                    table: table.name.clone(),
                    // A plan names it without a schema that is in the path.
                    function: call.function.rsplit('.').next().unwrap_or_default().to_owned(),
                })
                .fix(vec![fix(&stable, table, policy)]);
        }
    }
}

/// A call in an expression that PostgreSQL printed.
struct Call {
    function: String,
    span: std::ops::Range<usize>,
}

/// The first call outside of a sub-query whose arguments name no column, of a function that is
/// `stable`.
fn call_per_row(stable: &HashSet<String>, table: &Relation, expression: &str) -> Option<Call> {
    let mut at = 0;
    while let Some(open) = expression[at..].find('(').map(|ahead| at + ahead) {
        let end = closing(expression, open);
        if expression[open..].trim_start_matches(['(', ' ']).starts_with("SELECT ") {
            at = end;
            continue;
        }
        at = open + 1;
        let head = &expression[..open];
        let start = head
            .rfind(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '"'))
            .map_or(0, |before| before + 1);
        let function = &head[start..];
        let arguments = &expression[open..end];
        let names_column = table.columns.iter().any(|column| {
            let mut words = arguments.split(|c: char| !c.is_alphanumeric() && c != '_');
            words.any(|word| word == column.name.as_str())
        });
        if stable.contains(&function.replace('"', "")) && !names_column {
            return Some(Call { function: function.to_owned(), span: start..end });
        }
    }
    None
}

/// The functions whose answer is the same within a statement but not for ever, with and without
/// their schema.
fn stable(catalog: &Catalog) -> HashSet<String> {
    let is_stable = |function: &&Function| match function.volatility {
        Volatility::Stable => true,
        Volatility::Volatile => only_reads(&function.body),
        _ => false,
    };
    let names = catalog.functions.iter().filter(is_stable).flat_map(|function| {
        let (schema, name) = (function.name.schema.as_str(), function.name.name.as_str());
        [name.to_owned(), format!("{schema}.{name}")]
    });
    names.chain(["current_setting".to_owned()]).collect()
}

/// Whether a body does nothing whose answer may differ from call to call within a statement.
fn only_reads(body: &str) -> bool {
    const CHANGING: &[&str] = &[
        "insert",
        "update",
        "delete",
        "merge",
        "execute",
        "perform",
        "nextval",
        "random",
        "clock_timestamp",
        "set_config",
        "gen_random",
    ];
    let body = body.to_ascii_lowercase();
    !CHANGING.iter().any(|word| body.contains(word))
}

/// Behind the parenthesis that closes the one at `open`; strings are passed over.
fn closing(text: &str, open: usize) -> usize {
    let (mut depth, mut quoted) = (0_usize, false);
    for (at, c) in text[open..].char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return open + at + 1;
                }
            }
            _ => {}
        }
    }
    text.len()
}

fn fix(stable: &HashSet<String>, table: &Relation, policy: &Policy) -> String {
    let mut sql = format!("alter policy {} on {}", policy.name, table.name);
    for (clause, expression) in [("using", &policy.using), ("with check", &policy.check)] {
        let Some(expression) = expression else { continue };
        let mut text = expression.clone();
        // Each turn wraps one more call; a wrapped one is no longer found.
        while let Some(call) = call_per_row(stable, table, &text) {
            let inner = text[call.span.clone()].to_owned();
            text.replace_range(call.span, &format!("(SELECT {inner})"));
        }
        sql.push_str(&format!(" {clause} ({text})"));
    }
    sql
}
