//! The rules of the group "indexes". This list is written by `cargo xtask rules`.

mod foreign_key_without_index;
mod index_duplicate;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[foreign_key_without_index::RULE, index_duplicate::RULE];
