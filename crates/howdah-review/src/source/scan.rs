//! Where the strings and comments of a text are, by the lexical rules of its language.
//!
//! Known are escapes, raw strings, characters and lifetimes, nested comments, regular expressions
//! and templates within templates. A string that is not closed on its line ends there, so that a
//! stray quote costs no more than its line.

use std::ops::Range;

use super::Language;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece {
    /// The content of a string or template.
    String,
    /// A comment, a character or a regular expression.
    Other,
}

/// Templates within templates, at most.
const DEPTH: usize = 32;
/// A longer regular expression is none.
const EXPRESSION: usize = 2000;
/// A longer character is none: `\u{10FFFF}` has ten bytes.
const CHARACTER: usize = 12;
/// Behind these words a slash begins a regular expression.
const WORDS: &[&str] = &[
    "await",
    "case",
    "delete",
    "do",
    "else",
    "in",
    "instanceof",
    "new",
    "of",
    "return",
    "throw",
    "typeof",
    "void",
    "yield",
];

/// The strings and comments, in order: what it is, where its quote is, and its content.
pub(super) fn pieces(text: &str, language: Language) -> Vec<(Piece, usize, Range<usize>)> {
    let scanner = Scanner { text: text.as_bytes(), language };
    let mut found = Vec::new();
    let mut at = 0;
    // Behind the last byte that was code: it decides whether a slash divides.
    let mut code_end = 0;
    while at < text.len() {
        if let Some(end) = scanner.comment(at) {
            found.push((Piece::Other, at, at..end));
            at = end;
        } else if let Some(piece) = scanner.piece(at, code_end) {
            found.push((piece.kind, at, piece.content));
            (at, code_end) = (piece.end, piece.end);
        } else {
            if !scanner.text[at].is_ascii_whitespace() {
                code_end = at + 1;
            }
            at += 1;
        }
    }
    found
}

struct Scanner<'t> {
    text: &'t [u8],
    language: Language,
}

struct Found {
    kind: Piece,
    content: Range<usize>,
    end: usize,
}

impl Scanner<'_> {
    fn begins(&self, at: usize, with: &[u8]) -> bool {
        self.text.get(at..).is_some_and(|rest| rest.starts_with(with))
    }

    fn find(&self, from: usize, what: u8) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        rest.iter().position(|byte| *byte == what).map_or(self.text.len(), |at| from + at)
    }

    /// What begins here, behind code that ends at `code_end`. All that is looked for is ASCII, so
    /// every end is one of a character.
    fn piece(&self, at: usize, code_end: usize) -> Option<Found> {
        match (self.language, self.text[at]) {
            (_, b'"') | (Language::Python | Language::TypeScript, b'\'') => Some(self.quoted(at)),
            (Language::Rust | Language::Go, b'\'') => self.character(at),
            (Language::Rust, b'r' | b'#') => self.raw(at),
            (Language::Go, b'`') => {
                let end = self.find(at + 1, b'`');
                Some(self.string(at + 1..end, 1))
            }
            (Language::TypeScript, b'`') => {
                let end = self.template(at + 1, 0);
                Some(self.string(at + 1..end, 1))
            }
            (Language::TypeScript, b'/') => self.expression(at, code_end),
            _ => None,
        }
    }

    fn string(&self, content: Range<usize>, close: usize) -> Found {
        let end = (content.end + close).min(self.text.len());
        Found { kind: Piece::String, content, end }
    }

    fn comment(&self, at: usize) -> Option<usize> {
        let line: &[u8] = if self.language == Language::Python { b"#" } else { b"//" };
        if self.begins(at, line) {
            return Some(self.find(at, b'\n'));
        }
        if self.language == Language::Python || !self.begins(at, b"/*") {
            return None;
        }
        let (mut at, mut depth) = (at + 2, 1);
        while at < self.text.len() && depth > 0 {
            if self.begins(at, b"*/") {
                (at, depth) = (at + 2, depth - 1);
            } else if self.language == Language::Rust && self.begins(at, b"/*") {
                (at, depth) = (at + 2, depth + 1);
            } else {
                at += 1;
            }
        }
        Some(at)
    }

    /// A string between quotes, or Python's between three of them.
    fn quoted(&self, at: usize) -> Found {
        let quote = self.text[at];
        let three = [quote; 3];
        let long = self.language == Language::Python && self.begins(at, &three);
        let close: &[u8] = if long { &three } else { &three[..1] };
        // Only these go on over the end of a line.
        let lines = long || self.language == Language::Rust;
        let start = at + close.len();
        let mut end = start;
        while end < self.text.len() {
            match self.text[end] {
                b'\\' => end += 1,
                b'\n' if !lines => return self.string(start..end, 0),
                _ if self.begins(end, close) => break,
                _ => {}
            }
            end += 1;
        }
        let end = self.boundary(end);
        self.string(start..end, close.len())
    }

    /// `r"…"`, `r#"…"#`; from its first sign, or from the letter when it begins a word.
    fn raw(&self, at: usize) -> Option<Found> {
        let from = if self.text[at] == b'r' { at + 1 } else { at };
        let signs = self.text[from..].iter().take_while(|byte| **byte == b'#').count();
        let start = from + signs + 1;
        if self.text.get(start - 1) != Some(&b'"') || self.text[at] == b'#' && signs == 0 {
            return None;
        }
        // The last letter of a longer word is no prefix; that of b, c and f before it is.
        let before = at.checked_sub(1).map(|at| self.text[at]);
        let second = at.checked_sub(2).map(|at| self.text[at]);
        let word = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_');
        let prefixed = matches!(before, Some(b'b' | b'c')) && !word(second);
        if word(before) && !prefixed {
            return None;
        }
        let mut end = start;
        loop {
            end = self.find(end, b'"');
            let closes = self.text.get(end + 1..end + 1 + signs);
            if end == self.text.len() || closes.is_some_and(|c| c.iter().all(|b| *b == b'#')) {
                break;
            }
            end += 1;
        }
        Some(self.string(start..end, 1 + signs))
    }

    /// A character between quotes; what has no second quote is a lifetime or a stray one.
    fn character(&self, at: usize) -> Option<Found> {
        let start = at + 1;
        let escaped = self.text.get(start) == Some(&b'\\');
        let from = if escaped { start + 2 } else { start };
        let near = self.text.get(from..(start + CHARACTER).min(self.text.len()))?;
        let end = from + near.iter().position(|byte| matches!(byte, b'\'' | b'\n'))?;
        let content = std::str::from_utf8(&self.text[start..end]).ok()?;
        let is_one = escaped || content.chars().take(2).count() == 1;
        (is_one && self.text[end] == b'\'').then_some(Found {
            kind: Piece::Other,
            content: start..end,
            end: end + 1,
        })
    }

    /// The end of a template, whose holes may hold strings and templates.
    fn template(&self, mut at: usize, depth: usize) -> usize {
        while at < self.text.len() {
            match self.text[at] {
                b'\\' => at += 2,
                b'`' => return at,
                b'$' if self.begins(at, b"${") && depth < DEPTH => {
                    at = self.hole(at + 2, depth);
                }
                _ => at += 1,
            }
        }
        self.text.len()
    }

    /// The place behind the brace that closes a hole.
    fn hole(&self, mut at: usize, depth: usize) -> usize {
        let mut open = 1;
        while at < self.text.len() {
            match self.text[at] {
                b'{' => open += 1,
                b'}' if open == 1 => return at + 1,
                b'}' => open -= 1,
                b'`' => at = self.template(at + 1, depth + 1),
                b'"' | b'\'' => at = self.quoted(at).end - 1,
                _ => {}
            }
            at += 1;
        }
        self.text.len()
    }

    /// A regular expression: where a slash cannot divide, up to the next on the line that is in no
    /// brackets.
    fn expression(&self, at: usize, code_end: usize) -> Option<Found> {
        if self.divides(code_end) {
            return None;
        }
        let (mut end, mut bracket) = (at + 1, false);
        loop {
            match self.text[..self.text.len().min(at + EXPRESSION)].get(end)? {
                b'\n' => return None,
                b'\\' => end += 1,
                b'[' => bracket = true,
                b']' => bracket = false,
                b'/' if !bracket => break,
                _ => {}
            }
            end += 1;
        }
        Some(Found { kind: Piece::Other, content: at + 1..end, end: end + 1 })
    }

    /// Whether a slash behind code that ends there divides it, or closes a tag.
    fn divides(&self, code_end: usize) -> bool {
        let word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$');
        let Some(last) = code_end.checked_sub(1).map(|at| self.text[at]) else { return false };
        if !word(&last) {
            return matches!(last, b')' | b']' | b'"' | b'\'' | b'`' | b'<');
        }
        let length = self.text[..code_end].iter().rev().take(20).take_while(|b| word(b)).count();
        let name = &self.text[code_end - length..code_end];
        !WORDS.iter().any(|known| known.as_bytes() == name)
    }

    /// The next place that is none within a character.
    fn boundary(&self, at: usize) -> usize {
        let mut at = at.min(self.text.len());
        while self.text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80) {
            at += 1;
        }
        at
    }
}
