//! Text cut into words, strings and marks. Any text is cut, in one pass; a string or a bracket that
//! is left open ends with the text.

use std::ops::Range;

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'t> {
    pub kind: Kind,
    /// The word, the content of the string, or the mark.
    pub text: &'t str,
    pub span: Range<usize>,
    /// Of an opening bracket: how many tokens there are up to and with the closing one.
    reach: usize,
}

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Word,
    Text,
    Mark,
    /// The end of a line that is within no bracket, with the blanks that the next one begins with.
    Line(usize),
}

impl Token<'_> {
    pub fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }
}

/// How a text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Comments begin with `//` and `/*`, and ends of lines are kept.
    Lines,
    /// Likewise without the ends of lines.
    Stream,
    /// Comments begin with `#`; ends of lines within brackets are none.
    Python,
}

/// Cuts a text.
pub fn cut(text: &str, style: Style) -> Vec<Token<'_>> {
    let python = style == Style::Python;
    let mut tokens: Vec<Token<'_>> = Vec::new();
    // Brackets that are open.
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let start = at;
        let token =
            |kind, span: Range<usize>| Token { kind, text: &text[span.clone()], span, reach: 1 };
        if c == '\n' {
            at += 1;
            let blanks = text[at..].len() - text[at..].trim_start_matches([' ', '\t']).len();
            if style == Style::Lines || python && open.is_empty() {
                tokens.push(token(Kind::Line(blanks), start..at));
            }
        } else if c.is_whitespace() {
            at += c.len_utf8();
        } else if rest.starts_with("//") && !python || c == '#' && python {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if rest.starts_with("/*") && !python {
            at += rest.find("*/").map_or(rest.len(), |end| end + 2);
        } else if is_word(c) {
            at += rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.push(token(Kind::Word, start..at));
        } else if let Some(quote) = quote(rest, python) {
            let inner = start + quote.len();
            let length = string_length(&text[inner..], quote);
            at = inner + length;
            tokens.push(token(Kind::Text, inner..at));
            if text[at..].starts_with(quote) {
                at += quote.len();
            }
        } else {
            at += c.len_utf8();
            match c {
                '(' | '[' | '{' => open.push(tokens.len()),
                ')' | ']' | '}' => {
                    if let Some(opened) = open.pop() {
                        let reach = tokens.len() + 1 - opened;
                        tokens[opened].reach = reach;
                    }
                }
                _ => {}
            }
            tokens.push(token(Kind::Mark, start..at));
        }
    }
    // What is left open ends with the text.
    let end = tokens.len();
    for opened in open {
        tokens[opened].reach = end - opened;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The quote that the text begins with. A lone `'` is no quote in Rust, but it is in none of the
/// macros that are read either.
fn quote(rest: &str, python: bool) -> Option<&'static str> {
    let quotes: &[&'static str] =
        if python { &["\"\"\"", "'''", "\"", "'"] } else { &["\"", "'", "`"] };
    quotes.iter().find(|quote| rest.starts_with(**quote)).copied()
}

/// Up to the closing quote; one of a single line ends with the line.
fn string_length(text: &str, quote: &str) -> usize {
    let within_line = quote.len() == 1 && quote != "`";
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if text[at..].starts_with(quote) || within_line && c == '\n' {
            return at;
        }
    }
    text.len()
}

/// Behind the bracket that closes the one at `open`.
pub fn closing(tokens: &[Token<'_>], open: usize) -> usize {
    tokens.get(open).map_or(tokens.len(), |token| (open + token.reach).min(tokens.len()))
}

/// What stands within the bracket at `open`.
pub fn within<'a, 't>(tokens: &'a [Token<'t>], open: usize) -> &'a [Token<'t>] {
    let end = closing(tokens, open);
    let closed =
        tokens.get(end.wrapping_sub(1)).is_some_and(|t| t.is(")") || t.is("]") || t.is("}"));
    let end = if closed && end > open + 1 { end - 1 } else { end };
    tokens.get(open + 1..end).unwrap_or_default()
}

/// The parts between commas that are within no bracket.
pub fn parts<'a, 't>(tokens: &'a [Token<'t>]) -> Vec<&'a [Token<'t>]> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < tokens.len() {
        let token = &tokens[at];
        if token.kind == Kind::Mark && matches!(token.text, "(" | "[" | "{") {
            at = closing(tokens, at).max(at + 1);
        } else {
            if token.is(",") {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            at += 1;
        }
    }
    parts.push(&tokens[start.min(tokens.len())..]);
    let mut parts: Vec<&[Token<'_>]> = parts.into_iter().map(trimmed).collect();
    parts.retain(|part| !part.is_empty());
    parts
}

/// Without the ends of lines before and behind.
fn trimmed<'a, 't>(mut tokens: &'a [Token<'t>]) -> &'a [Token<'t>] {
    while let [Token { kind: Kind::Line(_), .. }, rest @ ..] = tokens {
        tokens = rest;
    }
    while let [rest @ .., Token { kind: Kind::Line(_), .. }] = tokens {
        tokens = rest;
    }
    tokens
}
