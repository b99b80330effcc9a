//! One statement and what its words say.

use std::ops::Range;

use super::lexer::{Lexer, TokenKind};
use super::{Lines, Position};

/// Words are looked at no further than this many tokens into a statement: the longest head that
/// decides anything is `alter table if exists only a.b detach partition c.d concurrently`.
const HEAD_TOKENS: usize = 24;

/// What a statement begins with that begins or ends a transaction.
const TRANSACTIONS: &[&str] = &["begin", "commit", "end", "abort", "start", "prepare", "rollback"];

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<'a> {
    /// The statement from its first token to its last, without the semicolon.
    pub text: &'a str,
    /// Where that is, in bytes.
    pub span: Range<usize>,
    /// Where it begins, for people.
    pub position: Position,
}

impl<'a> Statement<'a> {
    pub(super) fn new(text: &'a str, span: Range<usize>, lines: &Lines<'_>) -> Self {
        let position = lines.position(span.start);
        Self { text: &text[span.clone()], span, position }
    }

    /// The first line of the statement, for showing it.
    #[must_use]
    pub fn first_line(&self) -> &'a str {
        self.text.lines().next().unwrap_or_default().trim_end()
    }

    /// The leading words in lower case (`create`, `unique`, `index`), up to the first token that is
    /// neither a keyword nor an unquoted name.
    #[must_use]
    pub fn leading_words(&self) -> Vec<String> {
        self.head().into_iter().take_while(|word| is_word(word)).collect()
    }

    /// Whether PostgreSQL refuses the statement inside a transaction block, or it ends or begins
    /// one itself ([`Self::is_transaction_control`]).
    #[must_use]
    pub fn needs_no_transaction(&self) -> bool {
        if !self.may_stand_alone() {
            return false;
        }
        let head = self.head();
        let words: Vec<&str> = head.iter().map(String::as_str).collect();
        let concurrently = words.contains(&"concurrently");
        match words.as_slice() {
            ["create", "unique", "index", "concurrently", ..]
            | ["create" | "drop", "index", "concurrently", ..]
            | ["create" | "drop", "database" | "tablespace" | "subscription", ..]
            | ["commit" | "rollback", "prepared", ..]
            | ["alter", "system", ..]
            | ["vacuum", ..]
            | ["discard", "all"]
            | ["cluster"]
            | ["cluster", "verbose"] => true,
            ["cluster", "(", .., last] => *last == ")",
            ["reindex", rest @ ..] => {
                concurrently
                    || after_parentheses(rest)
                        .is_some_and(|word| matches!(word, "schema" | "database" | "system"))
            }
            ["alter", "table", ..] => concurrently && words.contains(&"detach"),
            ["alter", "database", ..] => words.contains(&"tablespace"),
            ["alter", "subscription", ..] => {
                words.contains(&"refresh") || words.contains(&"publication")
            }
            _ => self.is_transaction_control(),
        }
    }

    /// Whether the statement begins or ends a transaction (savepoints do neither).
    #[must_use]
    pub fn is_transaction_control(&self) -> bool {
        let first = self.opening().next();
        if !first.is_some_and(|first| TRANSACTIONS.iter().any(|word| is(first, word))) {
            return false;
        }
        let head = self.head();
        let words: Vec<&str> = head.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["begin" | "commit" | "end" | "abort", ..]
            | ["start" | "prepare", "transaction", ..]
            | ["rollback"] => true,
            ["rollback", rest @ ..] => !rest.contains(&"to"),
            _ => false,
        }
    }

    /// The name of the index that `create index concurrently` makes, unquoted and as stored, with
    /// its table's name as written; `None` for other statements and for an index without a name.
    #[must_use]
    pub fn concurrent_index(&self) -> Option<ConcurrentIndex> {
        let head = self.head();
        let words: Vec<&str> = head.iter().map(String::as_str).collect();
        let (["create", "index", "concurrently", rest @ ..]
        | ["create", "unique", "index", "concurrently", rest @ ..]) = words.as_slice()
        else {
            return None;
        };
        let (name, rest) = match rest {
            ["if", "not", "exists", name, "on", rest @ ..] | [name, "on", rest @ ..] => {
                (Some(*name), rest)
            }
            ["on", rest @ ..] => (None, rest),
            _ => return None,
        };
        let rest = if rest.first() == Some(&"only") { &rest[1..] } else { rest };
        let table = match rest {
            [schema, ".", table, ..] => format!("{schema}.{table}"),
            [table, ..] => (*table).to_owned(),
            [] => return None,
        };
        Some(ConcurrentIndex { name: name.map(stored_name)?, table })
    }

    /// Whether it is `copy … from stdin`.
    pub(super) fn copies_from_stdin(&self) -> bool {
        self.opening().next().is_some_and(|word| is(word, "copy"))
            && self.head().windows(2).any(|pair| pair[0] == "from" && pair[1] == "stdin")
    }

    /// Whether the first two tokens let a statement be one that is not run in a transaction block,
    /// or begins or ends one: most are not, and need not be read further.
    fn may_stand_alone(&self) -> bool {
        let mut opening = self.opening();
        let (Some(first), second) = (opening.next(), opening.next().unwrap_or_default()) else {
            return false;
        };
        let second_is = |words: &[&str]| words.iter().any(|word| is(second, word));
        if is(first, "create") || is(first, "drop") {
            return second_is(&["unique", "index", "database", "tablespace", "subscription"]);
        }
        if is(first, "alter") {
            return second_is(&["system", "table", "database", "subscription"]);
        }
        let others = ["vacuum", "discard", "cluster", "reindex"];
        TRANSACTIONS.iter().chain(&others).any(|word| is(first, word))
    }

    /// The tokens as written.
    fn opening(&self) -> impl Iterator<Item = &'a str> {
        let text = self.text;
        Lexer::new(text).map(move |token| &text[token.span])
    }

    /// The first tokens: words in lower case, everything else as written.
    fn head(&self) -> Vec<String> {
        Lexer::new(self.text)
            .take(HEAD_TOKENS)
            .map(|token| match token.kind {
                TokenKind::Word => self.text[token.span].to_ascii_lowercase(),
                _ => self.text[token.span].to_owned(),
            })
            .collect()
    }
}

/// What `create index concurrently` makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrentIndex {
    /// The index's name as stored in the catalog; it is in the table's schema.
    pub name: String,
    /// The table as SQL text, perhaps with a schema, quoted where it was.
    pub table: String,
}

/// Whether a token as written is a keyword, given in lower case.
fn is(token: &str, keyword: &str) -> bool {
    token.eq_ignore_ascii_case(keyword)
}

fn is_word(token: &str) -> bool {
    let starts_well = |first: u8| first.is_ascii_alphabetic() || first == b'_' || first >= 0x80;
    token.bytes().next().is_some_and(starts_well) && !token.contains(['\'', '"'])
}

/// The first token behind an option list, if there is one.
fn after_parentheses<'t>(tokens: &[&'t str]) -> Option<&'t str> {
    match tokens {
        ["(", ..] => {
            let close = tokens.iter().position(|token| *token == ")")?;
            tokens.get(close + 1).copied()
        }
        _ => tokens.iter().find(|token| **token != "verbose").copied(),
    }
}

/// A name token as the catalog stores it. Words are in lower case already.
fn stored_name(token: &str) -> String {
    match token.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => token.to_owned(),
    }
}
