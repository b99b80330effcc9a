//! `not in (select …)` over a column that may be null gives nothing as soon as one is.
//!
//! ```sql,invalid
//! create table customer (id bigint primary key, referrer bigint);
//! create view never_referred as
//!   select id from customer where id not in (select referrer from customer);
//! ```
//!
//! ```sql,valid
//! create table customer (id bigint primary key, referrer bigint);
//! create view never_referred as
//!   select id from customer c where not exists (
//!     select from customer r where r.referrer = c.id);
//! create view ids as select id from customer where id not in (select id from customer);
//! ```
//!
//! ## Why
//!
//! `1 not in (2, null)` is unknown, not true. One row without a value, and the query is empty. It
//! is slow too: PostgreSQL cannot make a join of it.
//!
//! ## Instead
//!
//! `not exists (select from … where …)`.

use howdah_catalog::{Catalog, Literal, Relation};

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::routine;
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0603",
    name: "not-in-null",
    level: Level::Warning,
    group: Group::Queries,
    needs: &[Needs::Catalog],
    source: include_str!("not_in_null.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for view in catalog.relations.values() {
        let Some(definition) = &view.definition else { continue };
        let code = routine::code(definition);
        // As PostgreSQL prints it: `not (id in ( select customer.referrer from customer))`.
        let Some((table, column)) = code.split("not (").skip(1).find_map(|rest| {
            let (_, query) = rest.split_once("in ( select ")?;
            nullable(catalog, query)
        }) else {
            continue;
        };
        findings
            .add(
                Subject::Relation(view.name.clone()),
                format!(
                    "\"{}\" is empty once a \"{column}\" of \"{}\" is null",
                    view.name.plain(),
                    table.name.plain()
                ),
            )
            .hint("Write it as \"not exists\".")
            .proved(Reproducer::query(format!(
                "select attname from pg_attribute where attrelid = {}::regclass\n  \
                 and attname = {} and not attnotnull and 1 not in (2, null) is null",
                Literal(&table.name.to_string()),
                Literal(&column)
            )));
    }
}

/// The column that the query gives, when it is one of a table and may be null.
fn nullable<'c>(catalog: &'c Catalog, query: &str) -> Option<(&'c Relation, String)> {
    let (selected, rest) = query.split_once(" from ")?;
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')));
    let table = catalog.resolve(&rest[..end.unwrap_or(rest.len())])?;
    let name = selected.trim().rsplit('.').next()?;
    let column = table.column(name)?;
    // A condition may keep the nulls out.
    let filtered = rest.split(')').next().is_some_and(|query| query.contains("not null"));
    (!column.not_null && !filtered).then(|| (table, name.to_owned()))
}
