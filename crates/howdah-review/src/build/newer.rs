//! What later versions of PostgreSQL brought, so that a statement that is right there is not taken
//! for one that is wrong.
//!
//! Versions are those of PostgreSQL's release notes.

use super::scratch;
use crate::facts::Failure;

/// SQLSTATEs of what a server does not know: syntax, function, object or setting.
const UNKNOWN: &[&str] = &["42601", "42883", scratch::UNDEFINED_OBJECT];

/// What a statement holds, in lower case with single blanks, and the version that brought it.
const BROUGHT: &[(&str, u32)] = &[
    (" is json", 16),
    (" is not json", 16),
    ("json_array(", 16),
    ("json_arrayagg(", 16),
    ("json_object(", 16),
    ("json_objectagg(", 16),
    ("any_value(", 16),
    ("array_sample(", 16),
    ("array_shuffle(", 16),
    ("pg_input_is_valid(", 16),
    ("pg_input_error_info(", 16),
    ("random_normal(", 16),
    ("json_table(", 17),
    ("json_exists(", 17),
    ("json_query(", 17),
    ("json_value(", 17),
    ("json_scalar(", 17),
    ("json_serialize(", 17),
    ("merge_action(", 17),
    ("when not matched by source", 17),
    ("set expression as", 17),
    ("transaction_timeout", 17),
    ("to_bin(", 17),
    ("to_oct(", 17),
    ("uuid_extract_timestamp(", 17),
    ("uuid_extract_version(", 17),
    ("array_reverse(", 18),
    ("array_sort(", 18),
    ("casefold(", 18),
    ("uuidv4(", 18),
    ("uuidv7(", 18),
    ("without overlaps", 18),
    ("not enforced", 18),
];

/// Messages that a later version does not give any more.
const TAKEN_BACK: &[(&str, u32)] =
    &[("subquery in FROM must have an alias", 16), ("VALUES in FROM must have an alias", 16)];

/// The version of PostgreSQL that would have taken the statement, when it is later than `server`
/// (`server_version_num`).
pub(super) fn needs(text: &str, failure: &Failure, server: u32) -> Option<u32> {
    if !UNKNOWN.contains(&failure.sqlstate.as_str()) {
        return None;
    }
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let messages = TAKEN_BACK.iter().filter(|(message, _)| failure.message == *message);
    let signs = BROUGHT.iter().filter(|(sign, _)| text.contains(sign));
    let version = messages.chain(signs).map(|(_, version)| *version).max()?;
    (version > server / 10_000).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_does_not_know_needs_a_later_one() {
        let failure = |sqlstate: &str| Failure {
            sqlstate: sqlstate.to_owned(),
            message: "syntax error at or near \"JSON\"".to_owned(),
            hint: None,
            offset: None,
            caused_by: None,
            ran_outside: false,
        };
        let text = "select a from b where c IS NOT\n  JSON ARRAY";
        assert_eq!(needs(text, &failure("42601"), 150_018), Some(16));
        assert_eq!(needs(text, &failure("42601"), 160_001), None);
        assert_eq!(needs(text, &failure("42P01"), 150_018), None);
        let text = "create table t (id uuid default uuidv7())";
        assert_eq!(needs(text, &failure("42883"), 170_001), Some(18));
        assert_eq!(needs("create tabel t ()", &failure("42601"), 150_018), None);
    }
}
