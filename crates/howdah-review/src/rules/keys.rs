//! The rules of the group "keys". This list is written by `cargo xtask rules`.

mod primary_key_missing;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[primary_key_missing::RULE];
