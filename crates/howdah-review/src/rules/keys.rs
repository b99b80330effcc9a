//! The rules of the group "keys". This list is written by `cargo xtask rules`.

mod primary_key_missing;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    primary_key_missing::RULE,
];
