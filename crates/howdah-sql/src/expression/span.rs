//! Expressions over a span: the columns of the event at which it counts by plain names, those of
//! the event at its other end as `next.column` or `prev.column`.
//!
//! What is handed on is an expression over one row, in which the other event's columns have names
//! of their own (`"next.state"`), so that everything that follows knows rows alone. The word
//! `counter_delta(now, before)` is written out here too.

use sqlparser::tokenizer::Token;

use super::measure::{MeasureText, parse_measure_of_rows};
use super::{
    ExpressionProblem, ExpressionText, Naming, Placed, is_word, parse_expression, parse_named,
    tokenize,
};

const DELTA: &str = "counter_delta";

/// Reads one scalar expression over a span whose other event is called `other`.
///
/// # Errors
/// As [`parse_expression`], and where another row than `other` is named.
pub fn parse_expression_of_span(
    text: &str,
    other: &str,
) -> Result<ExpressionText, ExpressionProblem> {
    flattened(parse_named(text, Naming::OfRows)?, other)
}

/// Reads a measure over spans whose other event is called `other`.
///
/// # Errors
/// As [`super::parse_measure`], and where another row than `other` is named.
pub fn parse_measure_of_span(text: &str, other: &str) -> Result<MeasureText, ExpressionProblem> {
    let measure = parse_measure_of_rows(text)?;
    let flat = |part: Option<ExpressionText>| part.map(|part| flattened(part, other)).transpose();
    Ok(MeasureText { argument: flat(measure.argument)?, filter: flat(measure.filter)?, ..measure })
}

/// The same expression over one row.
fn flattened(parsed: ExpressionText, other: &str) -> Result<ExpressionText, ExpressionProblem> {
    for column in &parsed.columns {
        if let Some(row) = column.row.as_ref().filter(|row| *row != other) {
            let at = parsed.offset + column.range.start;
            return Err(ExpressionProblem::new(format!("there is no row \"{row}\" here"), at)
                .hint(format!(
                    "The event at the other end of the span is \"{other}\"; columns of this one \
                     are named alone."
                )));
        }
    }
    let tokens = tokenize(&parsed.text)?;
    let text = rewritten(&parsed, &tokens, other)?;
    let flat = parse_expression(&text).map_err(|problem| problem.shifted(parsed.offset))?;
    Ok(ExpressionText { offset: parsed.offset, ..flat })
}

/// The text of some tokens, with columns of the other event renamed and deltas written out.
fn rewritten(
    parsed: &ExpressionText,
    tokens: &[Placed],
    other: &str,
) -> Result<String, ExpressionProblem> {
    let mut out = String::new();
    let mut at = 0;
    let mut written = tokens.first().map_or(0, |token| token.range.start);
    while let Some(token) = tokens.get(at) {
        // White space is kept, so that lines stay where they were.
        out.push_str(parsed.text.get(written..token.range.start).unwrap_or_default());
        let column = parsed.columns.iter().find(|column| column.range.start == token.range.start);
        if let Some(column) = column.filter(|column| column.row.is_some()) {
            let name = format!("{other}.{}", column.name).replace('"', "\"\"");
            out.push_str(&format!("\"{name}\""));
            written = column.range.end;
            while tokens.get(at).is_some_and(|token| token.range.start < written) {
                at += 1;
            }
            continue;
        }
        let opens = tokens.get(at + 1).is_some_and(|next| next.inner.token == Token::LParen);
        if is_word(token, DELTA) && opens {
            let (comma, close) = two_arguments(tokens, at + 1).ok_or_else(|| {
                ExpressionProblem::new(
                    format!("{DELTA}() takes two arguments"),
                    parsed.offset + token.range.start,
                )
                .hint(format!("Write {DELTA}(total, prev.total): the later count first."))
            })?;
            let now = rewritten(parsed, &tokens[at + 2..comma], other)?;
            let before = rewritten(parsed, &tokens[comma + 1..close], other)?;
            out.push_str(&format!(
                "(case when ({now}) >= ({before}) then ({now}) - ({before}) \
                 when ({now}) < ({before}) then ({now}) end)"
            ));
            written = tokens[close].range.end;
            at = close + 1;
            continue;
        }
        out.push_str(parsed.text.get(token.range.clone()).unwrap_or_default());
        written = token.range.end;
        at += 1;
    }
    Ok(out)
}

/// The one comma between the brackets that open at `open`, and the bracket that closes them.
fn two_arguments(tokens: &[Placed], open: usize) -> Option<(usize, usize)> {
    let (mut depth, mut comma) = (0_i32, None);
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.inner.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            Token::Comma if depth == 1 => {
                if comma.replace(at).is_some() {
                    return None;
                }
            }
            _ => {}
        }
        if depth == 0 {
            return comma
                .map(|comma| (comma, at))
                .filter(|(comma, close)| *comma > open + 1 && comma + 1 < *close);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(text: &str) -> String {
        parse_expression_of_span(text, "next").map_or_else(|p| p.message, |it| it.text)
    }

    #[test]
    fn columns_of_the_other_event_get_names_of_their_own() {
        let parsed = parse_expression_of_span(" next.ts - ts  > interval '5 s'", "next").unwrap();
        assert_eq!(parsed.text, "\"next.ts\" - ts  > interval '5 s'");
        assert_eq!(parsed.column_names(), ["next.ts", "ts"]);
        assert_eq!(flat("next . \"A b\" = next"), "\"next.A b\" = next");
        assert_eq!(flat("prev.ts"), "there is no row \"prev\" here");
    }

    #[test]
    fn deltas_are_written_out() {
        assert_eq!(
            flat("counter_delta(next.n, n)"),
            "(case when (\"next.n\") >= (n) then (\"next.n\") - (n) \
             when (\"next.n\") < (n) then (\"next.n\") end)"
        );
        assert!(
            flat("2 * counter_delta(coalesce(next.n, 0), counter_delta(n, 1)) + 1")
                .starts_with("2 * (case when (coalesce(\"next.n\", 0)) >= ((case when (n) >= (1)")
        );
        assert_eq!(flat("counter_delta(n)"), "counter_delta() takes two arguments");
        assert_eq!(
            flat("counter_delta(n, , n)"),
            "syntax error: expected: an expression, found: ,"
        );
    }

    #[test]
    fn measures_keep_their_filters() {
        let measure =
            parse_measure_of_span("sum(seconds) filter (where next.a = b)", "next").unwrap();
        assert_eq!(measure.filter.unwrap().text, "\"next.a\" = b");
    }
}
