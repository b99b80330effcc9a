//! The rules of the group "locks". This list is written by `cargo xtask rules`.

mod add_column_rewrites;
mod add_column_volatile_default;
mod attach_partition_reads_all_rows;
mod block_changes_tables;
mod check_checks_all_rows;
mod concurrent_index_may_stay_invalid;
mod create_index_not_concurrently;
mod detach_not_concurrently;
mod domain_check_reads_tables;
mod drop_index_not_concurrently;
mod drop_of_what_is_used;
mod exclusion_builds_index;
mod foreign_key_checks_all_rows;
mod lock_table_in_migration;
mod lock_timeout_missing;
mod refresh_not_concurrently;
mod reindex_not_concurrently;
mod rename_of_what_is_used;
mod required_column_without_default;
mod rows_changed_under_lock;
mod set_not_null_reads_all_rows;
mod storage_change_rewrites;
mod table_repacked_under_lock;
mod trigger_left_disabled;
mod truncate_cascades;
mod type_change_rewrites;
mod unique_key_builds_index;
mod validated_in_same_transaction;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    add_column_rewrites::RULE,
    add_column_volatile_default::RULE,
    attach_partition_reads_all_rows::RULE,
    block_changes_tables::RULE,
    check_checks_all_rows::RULE,
    concurrent_index_may_stay_invalid::RULE,
    create_index_not_concurrently::RULE,
    detach_not_concurrently::RULE,
    domain_check_reads_tables::RULE,
    drop_index_not_concurrently::RULE,
    drop_of_what_is_used::RULE,
    exclusion_builds_index::RULE,
    foreign_key_checks_all_rows::RULE,
    lock_table_in_migration::RULE,
    lock_timeout_missing::RULE,
    refresh_not_concurrently::RULE,
    reindex_not_concurrently::RULE,
    rename_of_what_is_used::RULE,
    required_column_without_default::RULE,
    rows_changed_under_lock::RULE,
    set_not_null_reads_all_rows::RULE,
    storage_change_rewrites::RULE,
    table_repacked_under_lock::RULE,
    trigger_left_disabled::RULE,
    truncate_cascades::RULE,
    type_change_rewrites::RULE,
    unique_key_builds_index::RULE,
    validated_in_same_transaction::RULE,
];
