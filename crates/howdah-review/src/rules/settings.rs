//! The rules of the group "settings". This list is written by `cargo xtask rules`.

mod autovacuum_off;
mod fsync_off;
mod full_page_writes_off;
mod idle_in_transaction_timeout_missing;
mod memory_may_run_out;
mod password_encryption_md5;
mod setting_waits_for_restart;
mod statement_timeout_missing;
mod statements_are_not_recorded;
mod track_io_timing_off;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    autovacuum_off::RULE,
    fsync_off::RULE,
    full_page_writes_off::RULE,
    idle_in_transaction_timeout_missing::RULE,
    memory_may_run_out::RULE,
    password_encryption_md5::RULE,
    setting_waits_for_restart::RULE,
    statement_timeout_missing::RULE,
    statements_are_not_recorded::RULE,
    track_io_timing_off::RULE,
];
