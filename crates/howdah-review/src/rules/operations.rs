//! The rules of the group "operations". This list is written by `cargo xtask rules`.

mod archiver_fails;
mod database_invalid;
mod dead_rows;
mod extension_version_behind;
mod index_missing_for_workload;
mod materialized_view_never_filled;
mod materialized_view_never_refreshed;
mod never_analyzed;
mod one_row_per_insert;
mod query_gives_thousands_of_rows;
mod query_per_row;
mod server_version_behind;
mod slot_without_reader;
mod statement_spills;
mod statement_takes_the_time;
mod statistics_stale;
mod table_read_end_to_end;
mod table_unlogged;
mod transaction_ids_run_out;
mod transaction_left_prepared;
mod trigger_disabled;
mod updates_miss_hot;
mod vacuum_held_back;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    archiver_fails::RULE,
    database_invalid::RULE,
    dead_rows::RULE,
    extension_version_behind::RULE,
    index_missing_for_workload::RULE,
    materialized_view_never_filled::RULE,
    materialized_view_never_refreshed::RULE,
    never_analyzed::RULE,
    one_row_per_insert::RULE,
    query_gives_thousands_of_rows::RULE,
    query_per_row::RULE,
    server_version_behind::RULE,
    slot_without_reader::RULE,
    statement_spills::RULE,
    statement_takes_the_time::RULE,
    statistics_stale::RULE,
    table_read_end_to_end::RULE,
    table_unlogged::RULE,
    transaction_ids_run_out::RULE,
    transaction_left_prepared::RULE,
    trigger_disabled::RULE,
    updates_miss_hot::RULE,
    vacuum_held_back::RULE,
];
