//! SQL expressions of a system file: which columns they name, and whether they can be folded.
//!
//! The parser (sqlparser, PostgreSQL's dialect) only decides what a text is; the text itself is
//! handed on exactly as written, and the server has the last word about types. So a text that the
//! parser takes and PostgreSQL does not is reported later, never silently changed.

mod measure;
mod rules;
mod span;
#[cfg(test)]
mod tests;
mod tree;

use std::ops::Range;

use sqlparser::ast::Expr;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

pub use measure::{Aggregate, MeasureText, parse_measure, parse_measure_of_rows};
pub use span::{parse_expression_of_span, parse_measure_of_span};
pub use tree::{Binary, Test, Tree, Unary, parse_tree};

/// The longest expression in bytes.
pub const MAX_EXPRESSION_BYTES: usize = 2000;

/// The most tokens of an expression. A chain of operators nests as deep as it is long, and dropping
/// it uses stack for each level.
const MAX_TOKENS: usize = 500;

/// A mistake in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionProblem {
    /// What is wrong; lower-case, without a full stop.
    pub message: String,
    /// Where, in bytes from the beginning of the text.
    pub offset: usize,
    /// What would be right, as sentences.
    pub hint: Option<String>,
}

impl ExpressionProblem {
    fn new(message: impl Into<String>, offset: usize) -> Self {
        Self { message: message.into(), offset, hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn shifted(mut self, by: usize) -> Self {
        self.offset += by;
        self
    }
}

/// A column that an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnUse {
    /// The row that it is a column of, when it is named as `row.column`.
    pub row: Option<String>,
    /// The column as PostgreSQL looks it up: lower-case unless it was quoted.
    pub name: String,
    /// Where it stands, in bytes of the expression's text.
    pub range: Range<usize>,
}

/// A scalar expression that gives the same result whenever it is computed again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionText {
    /// The text as written, without surrounding white space.
    pub text: String,
    /// Where `text` begins, in bytes of what was parsed.
    pub offset: usize,
    /// Columns in the order of the text; a column named twice is there twice.
    pub columns: Vec<ColumnUse>,
    /// The column, when the expression is nothing but one column.
    pub plain_column: Option<String>,
}

impl ExpressionText {
    /// The named columns, each once, in the order of the text.
    #[must_use]
    pub fn column_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for column in &self.columns {
            if !names.contains(&column.name.as_str()) {
                names.push(&column.name);
            }
        }
        names
    }
}

/// Reads one scalar expression over the columns of a row.
///
/// # Errors
/// The text is not one expression, is too long, has a comment, names a column with its table, or
/// uses what a rebuild would compute differently or a fold cannot compute at all: sub-queries,
/// aggregates, window functions, parameters, the clock, random numbers, the session.
pub fn parse_expression(text: &str) -> Result<ExpressionText, ExpressionProblem> {
    parse_named(text, Naming::Bare)
}

fn parse_named(text: &str, naming: Naming) -> Result<ExpressionText, ExpressionProblem> {
    let start = text.len() - text.trim_start().len();
    let text = text.trim();
    parse_trimmed(text, naming)
        .map(|parsed| ExpressionText { offset: start, ..parsed })
        .map_err(|problem| problem.shifted(start))
}

/// How the columns of an expression may be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// There is one row: `price`.
    Bare,
    /// There are several rows: `vaults.price`. A bare name is told as one without a row.
    OfRows,
}

/// Reads the condition under which a row is visible: like [`parse_expression`], because a policy
/// is asked for every row of every query.
///
/// # Errors
/// As [`parse_expression`]; the hints speak of policies.
pub fn parse_predicate(text: &str) -> Result<ExpressionText, ExpressionProblem> {
    parse_expression(text).map_err(|problem| {
        problem.hint(
            "A policy that reads a table or the session can be led around, is slow, and is \
             refused by Citus; use columns of the table, and me for the session's tenant.",
        )
    })
}

fn parse_trimmed(text: &str, naming: Naming) -> Result<ExpressionText, ExpressionProblem> {
    let tokens = tokenize(text)?;
    let select = |token: &&Placed| is_word(token, "select");
    // Reserved in PostgreSQL: never a column, always a sub-query.
    if let Some(select) = tokens.iter().find(select) {
        return Err(ExpressionProblem::new("sub-queries cannot stand here", select.range.start)
            .hint("A fold sees one event at a time; use only its columns."));
    }
    let positions = Positions::of(text);
    let expression = parse_one(text, &positions, tokens)?;
    let columns = rules::columns_of(&expression, &positions, text, naming)?;
    let plain_column = match &expression {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
            columns.first().map(|column| column.name.clone())
        }
        _ => None,
    };
    Ok(ExpressionText { text: text.to_owned(), offset: 0, columns, plain_column })
}

/// The one expression that the tokens of `text` make.
fn parse_one(
    text: &str,
    positions: &Positions<'_>,
    tokens: Vec<Placed>,
) -> Result<Expr, ExpressionProblem> {
    let dialect = PostgreSqlDialect {};
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(MAX_DEPTH)
        .with_tokens_with_locations(tokens.into_iter().map(|token| token.inner).collect());
    let parsed = parser.parse_expr();
    let next = parser.peek_token_ref();
    let offset = match next.token {
        Token::EOF => text.len(),
        _ => positions.offset(next.span.start),
    };
    let expression = parsed.map_err(|error| syntax_problem(&error, offset))?;
    if next.token != Token::EOF {
        return Err(ExpressionProblem::new(
            format!("\"{}\" after the end of the expression", next.token),
            offset,
        )
        .hint("Write one expression, without alias and without further clauses."));
    }
    Ok(expression)
}

fn syntax_problem(error: &ParserError, offset: usize) -> ExpressionProblem {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text.as_str(),
        ParserError::RecursionLimitExceeded => {
            return ExpressionProblem::new("the expression is nested too deeply", 0);
        }
    };
    let text = text.split(" at Line:").next().unwrap_or(text);
    let mut chars = text.chars();
    let lower = chars.next().map(|first| first.to_lowercase().chain(chars).collect::<String>());
    ExpressionProblem::new(format!("syntax error: {}", lower.unwrap_or_default()), offset)
}

/// How deep brackets may nest; the parser needs up to 60 kB of stack for each in a debug build.
const MAX_DEPTH: usize = 20;

const TOO_LONG: &str = "Compute it in a generated column or in a function, and name that.";

/// A token with its place in bytes.
struct Placed {
    inner: TokenWithSpan,
    range: Range<usize>,
}

/// The tokens of `text` without white space.
fn tokenize(text: &str) -> Result<Vec<Placed>, ExpressionProblem> {
    if text.trim().is_empty() {
        return Err(ExpressionProblem::new("the expression is empty", 0));
    }
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(ExpressionProblem::new(
            format!("the expression is longer than {MAX_EXPRESSION_BYTES} bytes"),
            MAX_EXPRESSION_BYTES,
        )
        .hint(TOO_LONG));
    }
    let positions = Positions::of(text);
    let dialect = PostgreSqlDialect {};
    let tokens = Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| {
        let message = error.message.replace('\n', " ");
        ExpressionProblem::new(
            format!("syntax error: {}", message.to_lowercase()),
            positions.offset(error.location),
        )
    })?;
    let mut placed = Vec::with_capacity(tokens.len());
    for token in tokens {
        let range = positions.offset(token.span.start)..positions.offset(token.span.end);
        match &token.token {
            // A comment would swallow what is compiled around the expression.
            Token::Whitespace(
                Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_),
            ) => {
                return Err(ExpressionProblem::new(
                    "comments cannot stand in an expression",
                    range.start,
                )
                .hint("Put the comment behind a # of the system file."));
            }
            Token::SemiColon => {
                return Err(ExpressionProblem::new(
                    "\";\" cannot stand in an expression",
                    range.start,
                ));
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => placed.push(Placed { inner: token, range }),
        }
    }
    match placed.get(MAX_TOKENS) {
        Some(token) => Err(ExpressionProblem::new(
            format!("the expression has more than {MAX_TOKENS} parts"),
            token.range.start,
        )
        .hint(TOO_LONG)),
        None => Ok(placed),
    }
}

fn is_word(token: &Placed, word: &str) -> bool {
    matches!(&token.inner.token, Token::Word(found)
        if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// From the parser's lines and columns (from 1, in characters) to bytes.
struct Positions<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Positions<'a> {
    fn of(text: &'a str) -> Self {
        let line_starts =
            std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts }
    }

    fn offset(&self, location: Location) -> usize {
        let line = usize::try_from(location.line).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(start) = self.line_starts.get(line).copied() else { return self.text.len() };
        let column = usize::try_from(location.column).unwrap_or(usize::MAX).saturating_sub(1);
        let rest = self.text.get(start..).unwrap_or_default();
        rest.char_indices().nth(column).map_or(self.text.len(), |(at, _)| start + at)
    }
}
