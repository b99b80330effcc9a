//! The rules of the group "locks". This list is written by `cargo xtask rules`.

mod add_column_volatile_default;
mod create_index_not_concurrently;
mod type_change_rewrites;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    add_column_volatile_default::RULE,
    create_index_not_concurrently::RULE,
    type_change_rewrites::RULE,
];
