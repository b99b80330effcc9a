//! The rules of the group "indexes". This list is written by `cargo xtask rules`.

mod brin_uncorrelated;
mod btree_on_document;
mod covering_without_include;
mod foreign_key_without_index;
mod gin_serves_no_arrow;
mod index_duplicate;
mod index_invalid;
mod index_on_boolean;
mod index_on_updated_time;
mod index_predicate_always_true;
mod index_predicate_never_true;
mod index_prefix;
mod index_too_many;
mod index_unused;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    brin_uncorrelated::RULE,
    btree_on_document::RULE,
    covering_without_include::RULE,
    foreign_key_without_index::RULE,
    gin_serves_no_arrow::RULE,
    index_duplicate::RULE,
    index_invalid::RULE,
    index_on_boolean::RULE,
    index_on_updated_time::RULE,
    index_predicate_always_true::RULE,
    index_predicate_never_true::RULE,
    index_prefix::RULE,
    index_too_many::RULE,
    index_unused::RULE,
];
