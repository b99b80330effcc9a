//! The rules of the group "timeseries". This list is written by `cargo xtask rules`.

mod aggregate_in_transaction;
mod columnstore_with_row_security;
mod default_partition_fills;
mod events_not_partitioned;
mod grows_without_end;
mod hypertable_concurrent_index;
mod hypertable_key_without_time;
mod partitions_end;
mod partitions_too_many;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    aggregate_in_transaction::RULE,
    columnstore_with_row_security::RULE,
    default_partition_fills::RULE,
    events_not_partitioned::RULE,
    grows_without_end::RULE,
    hypertable_concurrent_index::RULE,
    hypertable_key_without_time::RULE,
    partitions_end::RULE,
    partitions_too_many::RULE,
];
