//! The rules of the group "operations". This list is written by `cargo xtask rules`.

mod trigger_disabled;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    trigger_disabled::RULE,
];
