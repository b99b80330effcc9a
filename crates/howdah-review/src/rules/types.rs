//! The rules of the group "types". This list is written by `cargo xtask rules`.

mod timestamp_without_time_zone;

use crate::rule::Rule;

pub(super) const RULES: &[Rule] = &[timestamp_without_time_zone::RULE];
