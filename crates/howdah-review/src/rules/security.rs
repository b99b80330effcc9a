//! The rules of the group "security". This list is written by `cargo xtask rules`.

mod policy_calls_function_per_row;
mod row_security_not_forced;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    policy_calls_function_per_row::RULE,
    row_security_not_forced::RULE,
];
