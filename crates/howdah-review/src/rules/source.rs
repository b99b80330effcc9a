//! The rules of the group "source". This list is written by `cargo xtask rules`.

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
];
