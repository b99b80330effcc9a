//! The rules of the group "types". This list is written by `cargo xtask rules`.

mod boolean_nullable;
mod character_padded;
mod column_types_differ;
mod enum_grows;
mod float_for_money;
mod integer_key_narrow;
mod json_instead_of_jsonb;
mod key_near_overflow;
mod money_type;
mod name_cut_off;
mod name_needs_quotes;
mod oid_as_value;
mod serial_instead_of_identity;
mod time_with_zone_without_date;
mod timestamp_without_time_zone;
mod type_stops_upgrade;
mod uuid_as_text;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    boolean_nullable::RULE,
    character_padded::RULE,
    column_types_differ::RULE,
    enum_grows::RULE,
    float_for_money::RULE,
    integer_key_narrow::RULE,
    json_instead_of_jsonb::RULE,
    key_near_overflow::RULE,
    money_type::RULE,
    name_cut_off::RULE,
    name_needs_quotes::RULE,
    oid_as_value::RULE,
    serial_instead_of_identity::RULE,
    time_with_zone_without_date::RULE,
    timestamp_without_time_zone::RULE,
    type_stops_upgrade::RULE,
    uuid_as_text::RULE,
];
