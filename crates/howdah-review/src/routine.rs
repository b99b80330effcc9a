//! The text of functions and queries without what only looks like code: comments and constants.

use howdah_catalog::{Function, Literal};
use howdah_sql::command::{Name, ObjectKind};

use crate::facts::Facts;
use crate::finding::{Place, Reproducer, Subject};

/// The text in lower case with single blanks, comments left out and constants empty.
#[must_use]
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.starts_with("--") {
            rest = rest.find('\n').map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = rest.find("*/").map_or("", |end| &rest[end + 2..]);
            if !out.ends_with(' ') {
                out.push(' ');
            }
        } else if c == '\'' {
            rest = rest[1..].find('\'').map_or("", |end| &rest[end + 2..]);
            out.push_str("''");
        } else {
            if !c.is_whitespace() {
                out.extend(c.to_lowercase());
            } else if !out.ends_with(' ') {
                out.push(' ');
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    out.trim().to_owned()
}

/// Whether `word` stands in `code` as a word of its own; it may hold blanks.
#[must_use]
pub fn has(code: &str, word: &str) -> bool {
    find(code, word).is_some()
}

/// Where `word` first stands in `code` as a word of its own.
#[must_use]
pub fn find(code: &str, word: &str) -> Option<usize> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let opens = word.ends_with(|c: char| !is_word(c));
    code.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = code[..*at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && (opens || !after.is_some_and(is_word))
    })
}

/// A function as a finding's subject.
#[must_use]
pub fn subject(function: &Function) -> Subject {
    Subject::Function(function.name.clone(), function.arguments.clone())
}

/// Where a file makes the function.
#[must_use]
pub fn place(facts: &Facts, function: &Function) -> Option<Place> {
    let name = Name {
        parts: vec![
            function.name.schema.as_str().to_owned(),
            function.name.name.as_str().to_owned(),
        ],
        span: 0..0,
    };
    facts.made_by(ObjectKind::Function, &name, None).map(|id| facts.place(id))
}

/// A query that gives the function when its catalog row fits `condition`.
#[must_use]
pub fn reproducer(function: &Function, condition: &str) -> Reproducer {
    Reproducer::query(format!(
        "select p.oid::regprocedure from pg_proc p\n  \
         join pg_namespace n on n.oid = p.pronamespace\n  \
         where n.nspname = {} and p.proname = {}\n    and {condition}",
        Literal(function.name.schema.as_str()),
        Literal(function.name.name.as_str())
    ))
}

/// The functions of the target itself, in a language whose text can be read.
pub fn all(facts: &Facts) -> impl Iterator<Item = &Function> {
    let functions = facts.catalog.iter().flat_map(|catalog| &catalog.functions);
    functions.filter(|function| matches!(function.language.as_str(), "plpgsql" | "sql"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let text = "Begin -- commit\n  select 'commit; it''s' /* commit */ into X; é";
        assert_eq!(code(text), "begin select '''' into x; é");
        for text in ["'", "/*", "--", "''", "é'é"] {
            let _ = code(text);
        }
    }

    #[test]
    fn words_are_words() {
        assert!(has("a commit;", "commit") && !has("a commits", "commit"));
        assert!(has("x now()", "now()") && !has("x snow()", "now()"));
    }
}
