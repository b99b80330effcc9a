//! The rules of the group "security". This list is written by `cargo xtask rules`.

mod default_privileges_for_everybody;
mod dynamic_sql_concatenated;
mod extension_in_public;
mod login_bypasses_row_security;
mod materialized_view_shows_protected_rows;
mod partition_without_row_security;
mod password_in_function;
mod password_in_user_mapping;
mod pgcrypto_unused;
mod policies_permissive_several;
mod policy_always_true;
mod policy_calls_function_per_row;
mod policy_trusts_user_metadata;
mod policy_without_row_security;
mod row_security_not_forced;
mod row_security_without_policy;
mod rows_cross_tenants;
mod schema_create_for_everybody;
mod security_definer_for_everybody;
mod security_definer_without_search_path;
mod sensitive_column_for_everybody;
mod tls_off;
mod view_bypasses_row_security;
mod write_granted_to_everybody;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    default_privileges_for_everybody::RULE,
    dynamic_sql_concatenated::RULE,
    extension_in_public::RULE,
    login_bypasses_row_security::RULE,
    materialized_view_shows_protected_rows::RULE,
    partition_without_row_security::RULE,
    password_in_function::RULE,
    password_in_user_mapping::RULE,
    pgcrypto_unused::RULE,
    policies_permissive_several::RULE,
    policy_always_true::RULE,
    policy_calls_function_per_row::RULE,
    policy_trusts_user_metadata::RULE,
    policy_without_row_security::RULE,
    row_security_not_forced::RULE,
    row_security_without_policy::RULE,
    rows_cross_tenants::RULE,
    schema_create_for_everybody::RULE,
    security_definer_for_everybody::RULE,
    security_definer_without_search_path::RULE,
    sensitive_column_for_everybody::RULE,
    tls_off::RULE,
    view_bypasses_row_security::RULE,
    write_granted_to_everybody::RULE,
];
