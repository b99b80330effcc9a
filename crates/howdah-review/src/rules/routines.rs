//! The rules of the group "routines". This list is written by `cargo xtask rules`.

mod commit_in_function;
mod immutable_reads_state;
mod others_swallowed;
mod sql_by_concatenation;
mod temporary_table_per_call;
mod trigger_needs_search_path;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    commit_in_function::RULE,
    immutable_reads_state::RULE,
    others_swallowed::RULE,
    sql_by_concatenation::RULE,
    temporary_table_per_call::RULE,
    trigger_needs_search_path::RULE,
];
