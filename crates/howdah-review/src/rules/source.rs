//! The rules of the group "source". This list is written by `cargo xtask rules`.

mod backoff_without_jitter;
mod execute_raw_select;
mod insert_in_loop;
mod lock_key_of_32_bits;
mod model_column_differs;
mod model_column_missing;
mod model_index_missing;
mod model_relation_missing;
mod model_table_missing;
mod offset_pages;
mod serialization_not_retried;
mod sql_from_values;
mod task_aborted;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    backoff_without_jitter::RULE,
    execute_raw_select::RULE,
    insert_in_loop::RULE,
    lock_key_of_32_bits::RULE,
    model_column_differs::RULE,
    model_column_missing::RULE,
    model_index_missing::RULE,
    model_relation_missing::RULE,
    model_table_missing::RULE,
    offset_pages::RULE,
    serialization_not_retried::RULE,
    sql_from_values::RULE,
    task_aborted::RULE,
];
