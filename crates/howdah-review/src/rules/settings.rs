//! The rules of the group "settings". This list is written by `cargo xtask rules`.

mod autovacuum_off;
mod checkpoints_forced;
mod connection_limits_exceed_server;
mod connections_nearly_used_up;
mod effective_cache_beyond_memory;
mod fsync_off;
mod full_page_writes_off;
mod idle_in_transaction_timeout_missing;
mod login_without_statement_timeout;
mod memory_may_run_out;
mod parallel_workers_beyond_cores;
mod password_encryption_md5;
mod random_page_cost_of_disks;
mod setting_waits_for_restart;
mod shared_buffers_small;
mod slot_wal_unlimited;
mod statement_timeout_missing;
mod statements_are_not_recorded;
mod track_io_timing_off;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    autovacuum_off::RULE,
    checkpoints_forced::RULE,
    connection_limits_exceed_server::RULE,
    connections_nearly_used_up::RULE,
    effective_cache_beyond_memory::RULE,
    fsync_off::RULE,
    full_page_writes_off::RULE,
    idle_in_transaction_timeout_missing::RULE,
    login_without_statement_timeout::RULE,
    memory_may_run_out::RULE,
    parallel_workers_beyond_cores::RULE,
    password_encryption_md5::RULE,
    random_page_cost_of_disks::RULE,
    setting_waits_for_restart::RULE,
    shared_buffers_small::RULE,
    slot_wal_unlimited::RULE,
    statement_timeout_missing::RULE,
    statements_are_not_recorded::RULE,
    track_io_timing_off::RULE,
];
