//! The rules of the group "build". This list is written by `cargo xtask rules`.

mod does_not_build;
mod secret_in_sql;
mod statement_escapes_database;

use crate::rule::Rule;

#[rustfmt::skip] // One line a rule, so that two new rules are two new lines.
pub(super) const RULES: &[Rule] = &[
    does_not_build::RULE,
    secret_in_sql::RULE,
    statement_escapes_database::RULE,
];
