//! What later versions of PostgreSQL brought, so that a statement that is right there is not taken
//! for one that is wrong.
//!
//! Versions are those of PostgreSQL's release notes.

use super::scratch;
use crate::facts::Failure;

/// SQLSTATEs of what a server does not know: syntax, function, object or setting.
const UNKNOWN: &[&str] = &[SYNTAX, "42883", scratch::UNDEFINED_OBJECT];
/// SQLSTATE: a syntax error.
const SYNTAX: &str = "42601";

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

/// How far from the place that the server names a sign may stand, in bytes.
const NEAR: usize = 60;

/// The version of PostgreSQL that would have taken the statement, when it is later than `server`
/// (`server_version_num`).
pub(super) fn needs(text: &str, failure: &Failure, server: u32) -> Option<u32> {
    if !UNKNOWN.contains(&failure.sqlstate.as_str()) {
        return None;
    }
    let near = if failure.sqlstate == SYNTAX { around(text, failure.offset) } else { text };
    let near = near.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    // A function or a setting is named by the server.
    let is_meant = |sign: &str| {
        let word = sign.trim_end_matches('(');
        near.contains(sign) && (failure.sqlstate == SYNTAX || failure.message.contains(word))
    };
    let messages = TAKEN_BACK.iter().filter(|(message, _)| failure.message == *message);
    let signs = BROUGHT.iter().filter(|(sign, _)| is_meant(sign));
    let version = messages.chain(signs).map(|(_, version)| *version).max()?;
    (version > server / 10_000).then_some(version)
}

/// What stands around a place of the text; all of it when the place is not known.
fn around(text: &str, place: Option<usize>) -> &str {
    let Some(place) = place else { return text };
    let near = |(at, _): &(usize, char)| at.abs_diff(place) <= NEAR;
    let mut letters = text.char_indices().filter(near).map(|(at, _)| at);
    let Some(from) = letters.next() else { return text };
    &text[from..letters.next_back().unwrap_or(from)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_does_not_know_needs_a_later_one() {
        let failure = |sqlstate: &str, message: &str, offset: Option<usize>| Failure {
            offset,
            ..Failure::new(sqlstate, message)
        };
        let syntax = "syntax error at or near \"JSON\"";
        let text = "select a from b where c IS NOT\n  JSON ARRAY";
        let at = text.find("JSON");
        assert_eq!(needs(text, &failure("42601", syntax, at), 150_018), Some(16));
        assert_eq!(needs(text, &failure("42601", syntax, None), 160_001), None);
        assert_eq!(needs(text, &failure("42P01", syntax, at), 150_018), None);
        let far = format!("selec json_object('{{}}'){} from b", " ".repeat(200));
        let found = failure("42601", "syntax error at or near \"from\"", far.find("from"));
        assert_eq!(needs(&far, &found, 150_018), None);
        let text = "create table t (id uuid default uuidv7())";
        let unknown = failure("42883", "function uuidv7() does not exist", Some(32));
        assert_eq!(needs(text, &unknown, 170_001), Some(18));
        let other = failure("42883", "function f() does not exist", Some(32));
        assert_eq!(needs(text, &other, 170_001), None);
        let syntax = failure("42601", "syntax error at or near \"tabel\"", Some(7));
        assert_eq!(needs("create tabel t ()", &syntax, 150_018), None);
    }
}
