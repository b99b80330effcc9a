//! `last_value` over an order gives the current row's value, not the last.
//!
//! ```sql,invalid
//! create table price (id bigint primary key, symbol text, at timestamptz, value numeric);
//! create view latest as
//!   select symbol, last_value(value) over (partition by symbol order by at) from price;
//! ```
//!
//! ```sql,valid
//! create table price (id bigint primary key, symbol text, at timestamptz, value numeric);
//! create view latest as
//!   select symbol, last_value(value) over (partition by symbol order by at
//!     rows between unbounded preceding and unbounded following) from price;
//! create view newest as
//!   select symbol, first_value(value) over (partition by symbol order by at desc) from price;
//! ```
//!
//! ## Why
//!
//! With an order, the frame of a window ends at the current row and its equals. The last value up
//! to here is the value here.
//!
//! ## Instead
//!
//! `first_value` with the order turned round, or a frame up to `unbounded following`; for one row a
//! group, `distinct on`.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Reproducer, Subject};
use crate::routine;
use crate::rule::{Group, Needs, Rule};
use howdah_catalog::Literal;

pub(super) const RULE: Rule = Rule {
    code: "HR0602",
    name: "last-value-frame",
    level: Level::Warning,
    group: Group::Queries,
    needs: &[Needs::Catalog],
    source: include_str!("last_value_frame.rs"),
    check,
};

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    let Some(catalog) = &facts.catalog else { return };
    for view in catalog.relations.values() {
        let Some(definition) = &view.definition else { continue };
        let code = routine::code(definition);
        let Some(at) = routine::find(&code, "last_value(") else { continue };
        // The window behind it, as PostgreSQL prints it.
        let Some(window) = code[at..].split_once("over (").map(|(_, window)| window) else {
            continue;
        };
        let window = window.split(')').next().unwrap_or(window);
        let framed = ["rows ", "range ", "groups "].iter().any(|word| window.contains(word));
        if framed || !window.contains("order by") {
            continue;
        }
        findings
            .add(
                Subject::Relation(view.name.clone()),
                format!("last_value in \"{}\" ends at the current row", view.name.plain()),
            )
            .hint("Use first_value with the order turned round, or name the frame.")
            .proved(Reproducer::query(format!(
                "select 'no frame' where pg_get_viewdef({}::regclass)\n  \
                 ~* 'last_value\\(.*\\)\\s+OVER\\s+\\([^)]*ORDER BY[^)]*\\)'",
                Literal(&view.name.to_string())
            )));
    }
}
