//! Measures: one aggregate call that can be folded event by event.

use std::fmt;

use sqlparser::tokenizer::Token;

use super::{ExpressionProblem, ExpressionText, Naming, Placed, is_word, parse_named, tokenize};

/// The aggregates that can be folded: a new event changes the old result without a look at the
/// events before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregate {
    /// `count(*)` and `count(x)`.
    Count,
    /// `sum(x)`.
    Sum,
    /// `avg(x)`.
    Avg,
    /// `min(x)`.
    Min,
    /// `max(x)`.
    Max,
    /// `first(x)`: the value of the earliest event.
    First,
    /// `last(x)`: the value of the latest event.
    Last,
    /// `stddev(x)`: of a sample.
    Stddev,
    /// `variance(x)`: of a sample.
    Variance,
    /// `quantile(p, x)`, to a hundredth of its value.
    Quantile,
    /// `approx_distinct(x)`: how many different values there are.
    ApproxDistinct,
}

impl Aggregate {
    /// Every aggregate that can be folded.
    pub const ALL: [Self; 11] = [
        Self::Count,
        Self::Sum,
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::First,
        Self::Last,
        Self::Stddev,
        Self::Variance,
        Self::Quantile,
        Self::ApproxDistinct,
    ];

    /// The name as written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::First => "first",
            Self::Last => "last",
            Self::Stddev => "stddev",
            Self::Variance => "variance",
            Self::Quantile => "quantile",
            Self::ApproxDistinct => "approx_distinct",
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One aggregate call, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasureText {
    /// Which aggregate.
    pub aggregate: Aggregate,
    /// The `p` of `quantile(p, x)`, between 0 and 1, as written.
    pub fraction: Option<String>,
    /// Its argument; `None` for `count(*)`.
    pub argument: Option<ExpressionText>,
    /// The condition of `filter (where …)`.
    pub filter: Option<ExpressionText>,
}

const FOLDABLE: &str = "Measures are one of count(*), count(x), sum(x), avg(x), min(x), max(x), \
                        first(x), last(x), stddev(x), variance(x), quantile(p, x), \
                        approx_distinct(x), each perhaps with \"filter (where …)\".";

/// Reads `first(price)`, `sum(quantity * price)`, `count(*)`, `sum(x) filter (where side = 'buy')`.
///
/// # Errors
/// The text is not exactly one call of a foldable aggregate, or its argument or condition is not an
/// expression that [`parse_expression`] takes. Offsets are bytes of `text`.
pub fn parse_measure(text: &str) -> Result<MeasureText, ExpressionProblem> {
    parse(text, Naming::Bare)
}

/// Reads a measure over the rows of several tables: `sum(vaults.market_cap)`,
/// `count(positions) filter (where positions.shares > 0)`. Columns are named with their row; the
/// argument of `count` may be a row, which then stands as a column without one.
///
/// # Errors
/// As [`parse_measure`].
pub fn parse_measure_of_rows(text: &str) -> Result<MeasureText, ExpressionProblem> {
    parse(text, Naming::OfRows)
}

fn parse(text: &str, naming: Naming) -> Result<MeasureText, ExpressionProblem> {
    let tokens = tokenize(text)?;
    let (aggregate, open) = head(text, &tokens)?;
    let close = matching(&tokens, open)
        .ok_or_else(|| ExpressionProblem::new("the bracket is never closed", at(&tokens, open)))?;
    let (fraction, open_argument) = match aggregate {
        Aggregate::Quantile => {
            let (fraction, comma) = fraction(&tokens, open)?;
            (Some(fraction), comma)
        }
        _ => (None, open),
    };
    let argument = argument(text, aggregate, &tokens, open_argument, close, naming)?;
    let filter = filter(text, &tokens, close, naming)?;
    Ok(MeasureText { aggregate, fraction, argument, filter })
}

/// The aggregate and the index of the bracket behind it.
fn head(text: &str, tokens: &[Placed]) -> Result<(Aggregate, usize), ExpressionProblem> {
    let call = tokens.get(1).is_some_and(|token| token.inner.token == Token::LParen);
    let name = match tokens.first().map(|token| &token.inner.token) {
        Some(Token::Word(word)) if call => word.value.to_lowercase(),
        _ => {
            return Err(ExpressionProblem::new(
                format!("\"{}\" is not an aggregate and cannot be folded", text.trim()),
                0,
            )
            .hint(FOLDABLE));
        }
    };
    let start = at(tokens, 0);
    Aggregate::ALL.into_iter().find(|aggregate| aggregate.as_str() == name).map_or_else(
        || Err(ExpressionProblem::new(format!("{name}() cannot be folded"), start).hint(FOLDABLE)),
        |aggregate| Ok((aggregate, 1)),
    )
}

/// The fraction of a quantile, and the index of the comma behind it.
fn fraction(tokens: &[Placed], open: usize) -> Result<(String, usize), ExpressionProblem> {
    let comma = open + 2;
    if let (Some(Token::Number(written, _)), Some(Token::Comma)) = (
        tokens.get(open + 1).map(|token| &token.inner.token),
        tokens.get(comma).map(|token| &token.inner.token),
    ) && written.parse::<f64>().is_ok_and(|p| p > 0.0 && p < 1.0)
    {
        return Ok((written.clone(), comma));
    }
    Err(ExpressionProblem::new("quantile() begins with a number between 0 and 1", at(tokens, open))
        .hint("Write it like quantile(0.95, duration)."))
}

fn argument(
    text: &str,
    aggregate: Aggregate,
    tokens: &[Placed],
    open: usize,
    close: usize,
    naming: Naming,
) -> Result<Option<ExpressionText>, ExpressionProblem> {
    let inside = &tokens[open + 1..close];
    if let Some(first) = inside.first() {
        refuse_modifiers(aggregate, inside, first)?;
    }
    if let [only] = inside
        && only.inner.token == Token::Mul
    {
        return if aggregate == Aggregate::Count {
            Ok(None)
        } else {
            Err(ExpressionProblem::new(format!("{aggregate}(*) has no argument"), only.range.start)
                .hint(format!("Write {aggregate}(column).")))
        };
    }
    let (from, to) = (tokens[open].range.end, tokens[close].range.start);
    let Some(written) = text.get(from..to).filter(|_| !inside.is_empty()) else {
        let hint = if aggregate == Aggregate::Count { "count(*)" } else { "sum(price)" };
        return Err(ExpressionProblem::new(format!("{aggregate}() has no argument"), from)
            .hint(format!("Write it like {hint}.")));
    };
    expression_at(written, from, naming).map(Some)
}

/// Refuses `distinct`, `all`, `order by` and several arguments.
fn refuse_modifiers(
    aggregate: Aggregate,
    inside: &[Placed],
    first: &Placed,
) -> Result<(), ExpressionProblem> {
    for modifier in ["distinct", "all"] {
        if is_word(first, modifier) {
            return Err(ExpressionProblem::new(
                format!("{aggregate}({modifier} …) cannot be folded"),
                first.range.start,
            )
            .hint(FOLDABLE));
        }
    }
    let mut depth = 0_i32;
    for token in inside {
        match token.inner.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            Token::Comma if depth == 0 => {
                return Err(ExpressionProblem::new(
                    format!("{aggregate}() takes one argument"),
                    token.range.start,
                ));
            }
            _ if depth == 0 && is_word(token, "order") => {
                return Err(ExpressionProblem::new(
                    format!("{aggregate}(… order by …) cannot be folded"),
                    token.range.start,
                )
                .hint("first() and last() go by the order of the stream; see \"order\" there."));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The condition of `filter (where …)` behind the call, if there is one, and nothing else.
fn filter(
    text: &str,
    tokens: &[Placed],
    close: usize,
    naming: Naming,
) -> Result<Option<ExpressionText>, ExpressionProblem> {
    let Some(next) = tokens.get(close + 1) else { return Ok(None) };
    let start = next.range.start;
    if is_word(next, "over") {
        return Err(ExpressionProblem::new("window functions cannot be folded", start)
            .hint("Leave out the over clause."));
    }
    if !is_word(next, "filter") {
        let message = "a measure is one aggregate call; what follows it cannot be folded";
        return Err(ExpressionProblem::new(message, start).hint(
            "Keep the parts as measures of their own and compute with them in a further one.",
        ));
    }
    let open = close + 2;
    let wants = || ExpressionProblem::new("filter is written \"filter (where condition)\"", start);
    let opened = tokens.get(open).is_some_and(|token| token.inner.token == Token::LParen);
    let is_where = tokens.get(open + 1).filter(|token| opened && is_word(token, "where"));
    let (Some(is_where), Some(end)) = (is_where, matching(tokens, open)) else {
        return Err(wants());
    };
    if let Some(extra) = tokens.get(end + 1) {
        return Err(ExpressionProblem::new("a measure ends behind its filter", extra.range.start)
            .hint(FOLDABLE));
    }
    let from = is_where.range.end;
    let written = text.get(from..tokens[end].range.start).ok_or_else(wants)?;
    expression_at(written, from, naming).map(Some)
}

fn expression_at(
    written: &str,
    from: usize,
    naming: Naming,
) -> Result<ExpressionText, ExpressionProblem> {
    let parsed = parse_named(written, naming).map_err(|problem| problem.shifted(from))?;
    Ok(ExpressionText { offset: parsed.offset + from, ..parsed })
}

/// The index of the bracket that closes the one at `open`.
fn matching(tokens: &[Placed], open: usize) -> Option<usize> {
    let mut depth = 0_i32;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.inner.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth -= 1;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

fn at(tokens: &[Placed], index: usize) -> usize {
    tokens.get(index).map_or(0, |token| token.range.start)
}
