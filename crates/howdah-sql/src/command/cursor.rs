//! A place within the tokens of a statement, with the few ways to go on from it.

use std::ops::Range;

use super::{Name, Part};
use crate::split::lexer::{Lexer, Token, TokenKind};

/// PostgreSQL cuts names to this many bytes.
const MAX_NAME_BYTES: usize = 63;

/// So many tokens of a statement within a body tell whether it leaves the database.
const STATEMENT_HEAD: usize = 16;

/// The tokens of one statement.
pub(super) struct Tokens<'a> {
    text: &'a str,
    /// The same bytes in lower case, to look up words in.
    lower: String,
    list: Vec<Token>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, lower: text.to_ascii_lowercase(), list: Lexer::new(text).collect() }
    }

    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor { of: self, at: 0, limit: self.list.len() }
    }
}

/// How far the tokens are read, and up to where they may be.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    of: &'t Tokens<'t>,
    at: usize,
    limit: usize,
}

impl<'t> Cursor<'t> {
    fn token(&self, ahead: usize) -> Option<&'t Token> {
        let at = self.at + ahead;
        (at < self.limit).then(|| &self.of.list[at])
    }

    /// The word here, in lower case; `None` for anything else and at the end.
    pub(super) fn word(&self) -> Option<&'t str> {
        self.word_at(0)
    }

    /// The word `ahead` tokens further.
    pub(super) fn word_at(&self, ahead: usize) -> Option<&'t str> {
        let token = self.token(ahead)?;
        (token.kind == TokenKind::Word).then(|| &self.of.lower[token.span.clone()])
    }

    pub(super) fn kind(&self) -> Option<TokenKind> {
        self.token(0).map(|token| token.kind)
    }

    pub(super) fn is_symbol(&self, symbol: u8) -> bool {
        self.kind() == Some(TokenKind::Symbol(symbol))
    }

    /// Whether `symbol` stands behind the token here.
    pub(super) fn next_is(&self, symbol: u8) -> bool {
        self.token(1).is_some_and(|token| token.kind == TokenKind::Symbol(symbol))
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.limit
    }

    pub(super) fn advance(&mut self) {
        self.at = (self.at + 1).min(self.limit);
    }

    /// Passes over these words, if they are what stands here.
    pub(super) fn eat(&mut self, words: &[&str]) -> bool {
        let here = words.iter().enumerate().all(|(n, word)| self.word_at(n) == Some(word));
        if here {
            self.at += words.len();
        }
        here
    }

    /// Passes over the word here when it is one of `choices`.
    pub(super) fn eat_any(&mut self, choices: &[&str]) -> Option<&'t str> {
        let word = self.word().filter(|word| choices.contains(word))?;
        self.advance();
        Some(word)
    }

    pub(super) fn eat_symbol(&mut self, symbol: u8) -> bool {
        let here = self.is_symbol(symbol);
        self.at += usize::from(here);
        here
    }

    /// `if exists` or `if not exists`.
    pub(super) fn eat_if_exists(&mut self) -> bool {
        self.eat(&["if", "exists"]) || self.eat(&["if", "not", "exists"])
    }

    /// From here to the next semicolon, as a cursor of its own; this one stays.
    pub(super) fn statement(&self) -> Self {
        // Only the head of a statement is read, so that a long body is not read over and over.
        let until = self.limit.min(self.at + STATEMENT_HEAD);
        let end = (self.at..until)
            .find(|at| self.of.list[*at].kind == TokenKind::Symbol(b';'))
            .unwrap_or(until);
        Self { of: self.of, at: self.at, limit: end }
    }

    /// The byte where the token here begins; where the last one ended at the end.
    pub(super) fn start(&self) -> usize {
        self.token(0).map_or_else(|| self.end(), |token| token.span.start)
    }

    /// The byte where the last token that was read ends.
    pub(super) fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.of.list[at].span.end)
    }

    /// The text from byte `start` to the last token that was read.
    pub(super) fn part_from(&self, start: usize) -> Part {
        let span = start..self.end().max(start);
        Part { text: self.of.text[span.clone()].to_owned(), span }
    }

    /// Everything up to the limit.
    pub(super) fn rest(&mut self) -> Part {
        let start = self.start();
        self.at = self.limit;
        self.part_from(start)
    }

    /// Passes over tokens and whole groups until one of `words` stands here, or the end.
    pub(super) fn until(&mut self, words: &[&str]) -> Part {
        let start = self.start();
        while !self.at_end() && !self.word().is_some_and(|word| words.contains(&word)) {
            self.skip();
        }
        self.part_from(start)
    }

    /// Whether one of `words` stands anywhere ahead, outside of groups; goes there.
    pub(super) fn find(&mut self, words: &[&str]) -> bool {
        self.until(words);
        !self.at_end()
    }

    /// Passes over one token, or over a whole group when one opens here.
    pub(super) fn skip(&mut self) {
        if self.is_symbol(b'(') || self.is_symbol(b'[') {
            self.at = self.closing();
        }
        self.advance();
    }

    /// The token that closes the group that opens here.
    fn closing(&self) -> usize {
        let mut depth = 0_usize;
        for at in self.at..self.limit {
            match self.of.list[at].kind {
                TokenKind::Symbol(b'(' | b'[') => depth += 1,
                TokenKind::Symbol(b')' | b']') => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return at;
                    }
                }
                _ => {}
            }
        }
        self.limit
    }

    /// Everything up to the next comma outside of groups, as a cursor of its own; this one is then
    /// behind the comma.
    pub(super) fn piece(&mut self) -> Self {
        let start = self.at;
        while !self.at_end() && !self.is_symbol(b',') {
            self.skip();
        }
        let piece = Self { of: self.of, at: start, limit: self.at };
        self.advance();
        piece
    }

    /// The comma-parted pieces up to the limit.
    pub(super) fn pieces(mut self) -> Vec<Self> {
        let mut pieces = Vec::new();
        while !self.at_end() {
            pieces.push(self.piece());
        }
        pieces
    }

    /// What is within the parentheses that open here, as a cursor of its own; this one is then
    /// behind them.
    pub(super) fn group(&mut self) -> Option<Self> {
        if !self.is_symbol(b'(') {
            return None;
        }
        let close = self.closing();
        let group = Self { of: self.of, at: self.at + 1, limit: close };
        self.at = close;
        self.advance();
        Some(group)
    }

    /// One name as the catalog stores it.
    pub(super) fn ident(&mut self) -> Option<String> {
        let token = self.token(0)?;
        let stored = match token.kind {
            TokenKind::Word => self.of.lower[token.span.clone()].to_owned(),
            TokenKind::QuotedName => unquoted(&self.of.text[token.span.clone()]),
            _ => return None,
        };
        self.advance();
        Some(cut(stored))
    }

    /// A name with its qualifiers: `a`, `a.b`, `a.b.c`.
    pub(super) fn name(&mut self) -> Option<Name> {
        let start = self.start();
        let mut parts = vec![self.ident()?];
        while self.eat_symbol(b'.') {
            let Some(part) = self.ident() else { break };
            parts.push(part);
        }
        Some(Name { parts, span: start..self.end() })
    }

    /// A relation as statements name it: perhaps `only`, perhaps `*` behind it.
    pub(super) fn relation(&mut self) -> Option<Name> {
        self.eat(&["only"]);
        let name = self.name();
        self.eat_symbol(b'*');
        name
    }

    /// Names parted by commas, each perhaps with arguments.
    pub(super) fn names(&mut self) -> Vec<Name> {
        let mut names = Vec::new();
        while let Some(name) = self.relation() {
            names.push(name);
            self.group();
            if !self.eat_symbol(b',') {
                break;
            }
        }
        names
    }

    /// The first name of each piece of the parentheses that open here.
    pub(super) fn ident_list(&mut self) -> Vec<String> {
        let group = self.group().map(Self::pieces).unwrap_or_default();
        group.into_iter().filter_map(|mut piece| piece.ident()).collect()
    }

    /// The string constant here, without its quotes.
    pub(super) fn text_constant(&mut self) -> Option<Part> {
        if self.kind() != Some(TokenKind::Text) {
            return None;
        }
        let span = self.token(0)?.span.clone();
        self.advance();
        let inner = inside(self.of.text, span);
        Some(Part { text: self.of.text[inner.clone()].to_owned(), span: inner })
    }
}

fn unquoted(written: &str) -> String {
    let open = written.find('"').map_or(0, |at| at + 1);
    let inner = &written[open..];
    inner.strip_suffix('"').unwrap_or(inner).replace("\"\"", "\"")
}

/// A name as PostgreSQL stores it: cut at 63 bytes, between characters.
fn cut(mut name: String) -> String {
    let mut end = name.len().min(MAX_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// What is between the quotes of a constant of any kind.
fn inside(text: &str, span: Range<usize>) -> Range<usize> {
    let written = &text[span.clone()];
    if let Some(behind) = written.strip_prefix('$') {
        let tag = behind.find('$').map_or(written.len(), |at| at + 2);
        let tag = tag.min(written.len());
        // One that never ends runs to the end of the text.
        let closed = written.len() >= 2 * tag && written.ends_with(&written[..tag]);
        return span.start + tag..span.end - if closed { tag } else { 0 };
    }
    let open = written.find('\'').map_or(0, |at| at + 1);
    let closed = written.len() > open && written.ends_with('\'');
    span.start + open..span.end - usize::from(closed)
}
