//! SQL text cut into statements, without understanding them.
//!
//! The rules are those of PostgreSQL's scan.l and of psql's psqlscan.l: a semicolon ends a
//! statement unless it is inside of quotes, a comment, parentheses or a `begin atomic … end` body.
//! psql's own commands and the data behind `copy … from stdin` are no statements: they are reported
//! and passed over. Cutting never fails; what never ends is reported with its place, and the text
//! up to the end counts as one statement.

pub(crate) mod lexer;
mod lines;
mod statement;

use std::fmt;

use lexer::{Lexer, Token, TokenKind};

pub use lines::{Lines, Position};
pub use statement::{ConcurrentIndex, Statement};

/// Something that keeps a text from being cut as its author meant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitProblem {
    /// What it is.
    pub kind: ProblemKind,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// The same for people.
    pub position: Position,
}

impl fmt::Display for SplitProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.position, self.kind)
    }
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A `/*` without its `*/`.
    UnclosedComment,
    /// A string constant without its closing quote.
    UnclosedString,
    /// A quoted name without its closing quote.
    UnclosedName,
    /// A dollar quote without its closing tag.
    UnclosedDollarQuote,
    /// A `(` without its `)`.
    UnclosedParenthesis,
    /// A `begin atomic` without its `end`.
    UnclosedBody,
    /// A line for psql (`\connect`), which only psql understands.
    PsqlCommand,
    /// Data in the text behind `copy … from stdin`, which only psql can send.
    CopyData,
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnclosedComment => "unclosed comment",
            Self::UnclosedString => "unclosed string",
            Self::UnclosedName => "unclosed quoted name",
            Self::UnclosedDollarQuote => "unclosed dollar quote",
            Self::UnclosedParenthesis => "unclosed parenthesis",
            Self::UnclosedBody => "\"begin atomic\" without \"end\"",
            Self::PsqlCommand => "command of psql",
            Self::CopyData => "data behind \"copy … from stdin\"",
        })
    }
}

/// Cuts `text` into statements, in order.
///
/// What lies between their spans is white space, comments and semicolons, besides what is reported
/// as psql's.
#[must_use]
pub fn split(text: &str) -> (Vec<Statement<'_>>, Vec<SplitProblem>) {
    let lines = Lines::new(text);
    let mut lexer = Lexer::new(text);
    let mut statements = Vec::new();
    let mut problems = Vec::new();
    let mut open = Open::default();
    // Where one search for the end of a copy's data found none, a later one finds none either.
    let mut data_may_end = true;
    while let Some(token) = lexer.next() {
        if token.kind == TokenKind::Symbol(b'\\') {
            // No SQL has a backslash outside of quotes; one behind a statement sends it (`\gexec`).
            if let Some(start) = open.start.filter(|_| !open.holds_semicolons()) {
                statements.push(Statement::new(text, start..open.end, &lines));
                open = Open::default();
            }
            if open.start.is_none() {
                problems.push((ProblemKind::PsqlCommand, token.span.start));
                lexer.skip_to(end_of_line(text, token.span.end));
                continue;
            }
        }
        if token.kind != TokenKind::Symbol(b';') || open.holds_semicolons() {
            open.take(text, &token);
            continue;
        }
        if let Some(start) = open.start {
            let statement = Statement::new(text, start..open.end, &lines);
            if data_may_end && statement.copies_from_stdin() {
                let data = skip_copy_data(text, token.span.end, &mut lexer);
                data_may_end = data.is_some();
                problems.extend(data);
            }
            statements.push(statement);
        }
        open = Open::default();
    }
    if let Some(start) = open.start {
        statements.push(Statement::new(text, start..open.end, &lines));
        problems.extend(open.unclosed());
    }
    problems.append(&mut lexer.problems);
    problems.sort_by_key(|(_, offset)| *offset);
    let problems = problems
        .into_iter()
        .map(|(kind, offset)| SplitProblem { kind, offset, position: lines.position(offset) })
        .collect();
    (statements, problems)
}

/// The statement being read.
#[derive(Default)]
struct Open<'a> {
    start: Option<usize>,
    end: usize,
    /// Where the open parentheses are.
    parentheses: Vec<usize>,
    /// The first words, enough to tell `create or replace function`.
    words: Vec<&'a str>,
    /// A word `begin` was just read, here.
    begin: Option<usize>,
    /// The open `begin atomic` and the `case`s within it.
    bodies: Vec<usize>,
}

impl<'a> Open<'a> {
    fn holds_semicolons(&self) -> bool {
        !self.parentheses.is_empty() || !self.bodies.is_empty()
    }

    fn take(&mut self, text: &'a str, token: &Token) {
        self.start.get_or_insert(token.span.start);
        self.end = token.span.end;
        let begin = self.begin.take();
        match token.kind {
            TokenKind::Symbol(b'(') => self.parentheses.push(token.span.start),
            TokenKind::Symbol(b')') => {
                self.parentheses.pop();
            }
            TokenKind::Word => self.take_word(&text[token.span.clone()], token.span.start, begin),
            _ => {}
        }
    }

    fn take_word(&mut self, word: &'a str, at: usize, begin: Option<usize>) {
        if self.words.len() < 4 {
            self.words.push(word);
        }
        if !self.parentheses.is_empty() || !self.defines_function() {
            return;
        }
        if word.eq_ignore_ascii_case("begin") {
            self.begin = Some(at);
        } else if word.eq_ignore_ascii_case("atomic") {
            self.bodies.extend(begin);
        } else if !self.bodies.is_empty() {
            if word.eq_ignore_ascii_case("case") {
                self.bodies.push(at);
            } else if word.eq_ignore_ascii_case("end") {
                self.bodies.pop();
            }
        }
    }

    /// Only these may have a body of statements.
    fn defines_function(&self) -> bool {
        let is = |at: usize, keyword: &str| {
            self.words.get(at).is_some_and(|word| word.eq_ignore_ascii_case(keyword))
        };
        let kind = if is(1, "or") && is(2, "replace") { 3 } else { 1 };
        is(0, "create") && (is(kind, "function") || is(kind, "procedure"))
    }

    /// What is still open at the end of the text.
    fn unclosed(&self) -> impl Iterator<Item = (ProblemKind, usize)> {
        let parenthesis =
            self.parentheses.first().map(|at| (ProblemKind::UnclosedParenthesis, *at));
        let body = self.bodies.first().map(|at| (ProblemKind::UnclosedBody, *at));
        parenthesis.into_iter().chain(body)
    }
}

fn end_of_line(text: &str, from: usize) -> usize {
    text[from..].find('\n').map_or(text.len(), |at| from + at + 1)
}

/// Passes over the lines behind a `copy … from stdin;` up to `\.`, if there are such lines.
fn skip_copy_data(text: &str, from: usize, lexer: &mut Lexer<'_>) -> Option<(ProblemKind, usize)> {
    let start = end_of_line(text, from);
    let mut at = start;
    while at < text.len() {
        let end = end_of_line(text, at);
        if text[at..end].trim_end() == "\\." {
            lexer.skip_to(end);
            return Some((ProblemKind::CopyData, start));
        }
        at = end;
    }
    None
}

/// A variable of psql, which stands in `text` for what psql writes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PsqlVariable<'a> {
    /// Its name.
    pub name: &'a str,
    /// `'` or `"` when what it stands for is quoted so: `:'name'`.
    pub quote: Option<char>,
    /// Where it is, in bytes, with its colon.
    pub span: std::ops::Range<usize>,
}

/// The variables of psql in `text`: `:name`, `:'name'` and `:"name"`, outside of quotes, comments,
/// casts (`::text`) and slices (`[1:n]`).
#[must_use]
pub fn psql_variables(text: &str) -> Vec<PsqlVariable<'_>> {
    let mut found = Vec::new();
    let mut colon: Option<usize> = None;
    for token in Lexer::new(text) {
        let at = token.span.start;
        if token.kind == TokenKind::Symbol(b':') {
            let before = text[..at].chars().next_back();
            let free = before.is_none_or(|c| c.is_whitespace() || "(,=<>|+-*/.".contains(c));
            colon = free.then_some(at);
            continue;
        }
        let Some(start) = colon.take().filter(|start| start + 1 == at) else { continue };
        let written = &text[token.span.clone()];
        let (name, quote) = match token.kind {
            TokenKind::Word => (written, None),
            TokenKind::QuotedName => (written.trim_matches('"'), Some('"')),
            TokenKind::Text => (written.trim_matches('\''), Some('\'')),
            _ => continue,
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if !name.is_empty() && name.chars().all(plain) {
            found.push(PsqlVariable { name, quote, span: start..token.span.end });
        }
    }
    found
}

/// The comments of `text` that begin with `--`, each with the byte where it begins; those within
/// strings and block comments are none.
#[must_use]
pub fn comments(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut look = |gap: std::ops::Range<usize>| {
        let mut at = gap.start;
        while let Some(begin) = text[at..gap.end].find("--").map(|ahead| at + ahead) {
            let inside = text[at..begin].find("/*").map(|ahead| at + ahead);
            if let Some(block) = inside {
                at = text[block..gap.end].find("*/").map_or(gap.end, |end| block + end + 2);
                continue;
            }
            let end = text[begin..gap.end].find('\n').map_or(gap.end, |end| begin + end);
            found.push((begin, text[begin..end].trim_end()));
            at = end;
        }
    };
    for token in Lexer::new(text) {
        look(from..token.span.start);
        from = token.span.end;
    }
    look(from..text.len());
    found
}

#[cfg(test)]
mod tests;
