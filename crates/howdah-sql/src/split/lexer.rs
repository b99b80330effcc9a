//! SQL text to tokens by the rules of PostgreSQL's scan.l, with `standard_conforming_strings` on.
//!
//! Only as much is told apart as cutting needs: where strings, quoted names, dollar quotes and
//! comments end. Works on bytes; every byte from 0x80 on is part of a name, as in PostgreSQL, so a
//! token never begins or ends inside a character.

use std::ops::Range;

use super::ProblemKind;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A keyword or an unquoted name.
    Word,
    /// `"…"` or `U&"…"`.
    QuotedName,
    /// A string or bit-string constant of any kind, dollar-quoted ones included.
    Text,
    /// A number or a parameter (`$1`).
    Number,
    /// One byte of punctuation or of an operator.
    Symbol(u8),
}

/// A token and where it is, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Range<usize>,
}

/// The tokens of a text; comments and white space are passed over.
pub(crate) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Things that never end, with where they begin.
    pub(crate) problems: Vec<(ProblemKind, usize)>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0, problems: Vec::new() }
    }

    /// Goes on reading at byte `at`.
    pub(crate) fn skip_to(&mut self, at: usize) {
        self.at = at.min(self.bytes.len());
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// Passes over white space and comments.
    fn skip_blank(&mut self) {
        while !self.at_end() {
            match (self.peek(0), self.peek(1)) {
                (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, _) => self.at += 1,
                (b'-', b'-') => self.skip_line(),
                (b'/', b'*') => self.skip_comment(),
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        while !self.at_end() && !matches!(self.peek(0), b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// Block comments nest.
    fn skip_comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        while !self.at_end() {
            match (self.peek(0), self.peek(1)) {
                (b'/', b'*') => {
                    depth += 1;
                    self.at += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    self.at += 2;
                    if depth == 0 {
                        return;
                    }
                }
                _ => self.at += 1,
            }
        }
        self.problems.push((ProblemKind::UnclosedComment, start));
    }

    /// Reads to the closing `quote`, which stands doubled for itself; `self.at` is behind the
    /// opening one. `start` is where the token begins.
    fn quoted(&mut self, quote: u8, backslashes: bool, start: usize) {
        while !self.at_end() {
            let byte = self.peek(0);
            if byte == quote {
                self.at += 1;
                if self.peek(0) != quote || self.at_end() {
                    return;
                }
            } else if byte == b'\\' && backslashes {
                self.at += 1;
            }
            self.at += 1;
        }
        self.at = self.bytes.len();
        let kind =
            if quote == b'"' { ProblemKind::UnclosedName } else { ProblemKind::UnclosedString };
        self.problems.push((kind, start));
    }

    /// An escape string; `self.at` is behind the opening quote. Constants that only white space
    /// with a line break parts are one constant, and its later parts have backslashes too.
    fn escape_string(&mut self, start: usize) {
        loop {
            self.quoted(b'\'', true, start);
            let end = self.at;
            let mut broken = false;
            loop {
                match (self.peek(0), self.peek(1)) {
                    (b'\n' | b'\r', _) => {
                        broken = true;
                        self.at += 1;
                    }
                    (b' ' | b'\t' | 0x0b | 0x0c, _) => self.at += 1,
                    (b'-', b'-') => self.skip_line(),
                    _ => break,
                }
            }
            if !broken || self.peek(0) != b'\'' {
                self.at = end;
                return;
            }
            self.at += 1;
        }
    }

    /// The length of `$tag$` here, if this opens a dollar quote.
    fn dollar_tag(&self) -> Option<usize> {
        let mut length = 1;
        while is_name_part(self.peek(length)) && self.peek(length) != b'$' {
            length += 1;
        }
        let starts_well = length == 1 || is_name_start(self.peek(1));
        (starts_well && self.peek(length) == b'$').then_some(length + 1)
    }

    fn dollar_quoted(&mut self, tag_length: usize) {
        let start = self.at;
        let tag = &self.bytes[start..start + tag_length];
        self.at += tag_length;
        while self.at + tag_length <= self.bytes.len() {
            if self.peek(0) == b'$' && self.bytes[self.at..].starts_with(tag) {
                self.at += tag_length;
                return;
            }
            self.at += 1;
        }
        self.at = self.bytes.len();
        self.problems.push((ProblemKind::UnclosedDollarQuote, start));
    }

    fn word(&mut self) {
        while !self.at_end() && is_name_part(self.peek(0)) {
            self.at += 1;
        }
    }

    /// A constant whose quote has a prefix: `E'…'`, `U&'…'`, `U&"…"`, `B'…'`, `X'…'`, `N'…'`.
    fn prefixed(&mut self) -> Option<TokenKind> {
        let start = self.at;
        match (self.peek(0).to_ascii_lowercase(), self.peek(1), self.peek(2)) {
            (b'e', b'\'', _) => {
                self.at += 2;
                self.escape_string(start);
            }
            (b'b' | b'x' | b'n', b'\'', _) => {
                self.at += 2;
                self.quoted(b'\'', false, start);
            }
            (b'u', b'&', quote @ (b'\'' | b'"')) => {
                self.at += 3;
                self.quoted(quote, false, start);
                if quote == b'"' {
                    return Some(TokenKind::QuotedName);
                }
            }
            _ => return None,
        }
        Some(TokenKind::Text)
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        self.skip_blank();
        if self.at_end() {
            return None;
        }
        let start = self.at;
        let kind = match self.peek(0) {
            b'\'' => {
                self.at += 1;
                self.quoted(b'\'', false, start);
                TokenKind::Text
            }
            b'"' => {
                self.at += 1;
                self.quoted(b'"', false, start);
                TokenKind::QuotedName
            }
            b'$' => {
                if let Some(tag_length) = self.dollar_tag() {
                    self.dollar_quoted(tag_length);
                    TokenKind::Text
                } else {
                    self.at += 1;
                    while self.peek(0).is_ascii_digit() {
                        self.at += 1;
                    }
                    TokenKind::Number
                }
            }
            b'0'..=b'9' => {
                while self.peek(0).is_ascii_alphanumeric() || matches!(self.peek(0), b'_' | b'.') {
                    self.at += 1;
                }
                TokenKind::Number
            }
            byte if is_name_start(byte) => self.prefixed().unwrap_or_else(|| {
                self.word();
                TokenKind::Word
            }),
            byte => {
                self.at += 1;
                TokenKind::Symbol(byte)
            }
        };
        Some(Token { kind, span: start..self.at })
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_name_part(byte: u8) -> bool {
    is_name_start(byte) || byte.is_ascii_digit() || byte == b'$'
}
