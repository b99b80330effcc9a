//! The rules of the group "audit". This list is written by `cargo xtask rules`.

mod audit_by_row_trigger;
mod audit_misses_tables;
mod audit_not_partitioned;
mod audit_table_mutable;
mod audit_without_evidence;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    audit_by_row_trigger::RULE,
    audit_misses_tables::RULE,
    audit_not_partitioned::RULE,
    audit_table_mutable::RULE,
    audit_without_evidence::RULE,
];
