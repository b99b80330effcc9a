//! The rules of the group "keys". This list is written by `cargo xtask rules`.

mod constraint_not_validated;
mod delete_cascades_to_records;
mod foreign_key_duplicate;
mod foreign_key_missing;
mod foreign_key_partly_null;
mod foreign_key_type_differs;
mod id_nullable;
mod keys_end_at_inheritance;
mod primary_key_missing;
mod range_unchecked;
mod replica_identity_missing;
mod unique_with_nulls;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    constraint_not_validated::RULE,
    delete_cascades_to_records::RULE,
    foreign_key_duplicate::RULE,
    foreign_key_missing::RULE,
    foreign_key_partly_null::RULE,
    foreign_key_type_differs::RULE,
    id_nullable::RULE,
    keys_end_at_inheritance::RULE,
    primary_key_missing::RULE,
    range_unchecked::RULE,
    replica_identity_missing::RULE,
    unique_with_nulls::RULE,
];
