//! The rules of the group "indexes". This list is written by `cargo xtask rules`.

mod foreign_key_without_index;
mod index_duplicate;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    foreign_key_without_index::RULE,
    index_duplicate::RULE,
];
