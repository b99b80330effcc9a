//! The rules of the group "types". This list is written by `cargo xtask rules`.

mod timestamp_without_time_zone;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    timestamp_without_time_zone::RULE,
];
