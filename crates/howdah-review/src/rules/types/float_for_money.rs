//! A column that looks as if it kept money is a binary floating point number.
//!
//! ```sql,invalid
//! create table invoices (id bigint primary key, total_amount double precision not null);
//! ```
//!
//! Shares, rates and measured values are no money:
//!
//! ```sql,valid
//! create table invoices (id bigint primary key, total_amount numeric not null);
//! create table models (id bigint primary key, price_ratio double precision, cost_score real,
//!                      fee_pct real, litres double precision);
//! ```
//!
//! ## Why
//!
//! A tenth has no exact binary fraction, so sums of amounts drift by the order in which they are
//! added, and two ways to the same total are not equal.
//!
//! ## Instead
//!
//! `numeric`. It is exact, and a sum of it is the same in any order.

use crate::facts::Facts;
use crate::finding::{Findings, Level, Subject};
use crate::rule::{Group, Needs, Rule};

pub(super) const RULE: Rule = Rule {
    code: "HR0304",
    name: "float-for-money",
    level: Level::Warning,
    group: Group::Types,
    needs: &[Needs::Catalog],
    source: include_str!("float_for_money.rs"),
    check,
};

/// Words of a column's name that mean money.
const MONEY: &[&str] = &[
    "amount", "balance", "cost", "fee", "fees", "money", "payment", "pnl", "price", "revenue",
    "salary", "subtotal", "tax", "wage",
];
/// Words that make something else of it.
const NO_MONEY: &[&str] = &[
    "avg",
    "factor",
    "multiplier",
    "pct",
    "percent",
    "percentage",
    "probability",
    "rank",
    "rate",
    "ratio",
    "score",
    "share",
    "stddev",
    "weight",
];

fn check(facts: &Facts, findings: &mut Findings<'_>) {
    for table in facts.tables() {
        let floats = table
            .columns
            .iter()
            .filter(|column| matches!(column.type_base.as_str(), "float4" | "float8"));
        for column in floats {
            let name = column.name.as_str().to_ascii_lowercase();
            let has = |words: &[&str]| name.split('_').any(|word| words.contains(&word));
            if !has(MONEY) || has(NO_MONEY) {
                continue;
            }
            findings
                .add(
                    Subject::Column(table.name.clone(), column.name.clone()),
                    format!(
                        "column \"{}\" keeps money as {}",
                        column.name.as_str(),
                        column.type_name
                    ),
                )
                .detail("That it is money is taken from its name.")
                .hint("Use numeric.");
        }
    }
}
