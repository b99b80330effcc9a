//! The rules of the group "queries". This list is written by `cargo xtask rules`.

mod last_value_frame;
mod not_in_null;
mod update_every_row;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    last_value_frame::RULE,
    not_in_null::RULE,
    update_every_row::RULE,
];
