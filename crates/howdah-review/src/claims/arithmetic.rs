//! Adds up what a review counts: scores of parts against the whole, counts against what is listed,
//! and one figure against another of the same name.

use std::collections::BTreeMap;

use super::document::{Document, Passage};
use super::{Claim, Verdict};

/// A score or a percentage within a passage.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Mark {
    value: f64,
    /// What it is of: 10, 100.
    of: f64,
}

/// Words that stand for the whole.
const WHOLE: &[&str] =
    &["overall", "production ready", "production-ready", "total score", "grade:"];
/// Words for the degrees of badness, with those of priorities.
const DEGREES: &[&str] = &["critical", "high", "medium", "low"];

/// All sums of the document.
pub(super) fn check(document: &Document) -> Vec<Claim> {
    let mut claims = Vec::new();
    claims.extend(parts_and_whole(document));
    claims.extend(one_whole(document));
    claims.extend(breakdowns(document));
    claims.extend(tally(document));
    claims.extend(counted_statements(document));
    claims.extend(counted_headings(document));
    claims
}

fn claim(kind: &str, claim: &str, at: &Passage, verdict: Verdict, reason: String) -> Claim {
    Claim {
        kind: kind.to_owned(),
        claim: claim.to_owned(),
        lines: vec![at.line],
        quote: at.text.clone(),
        verdict,
        reason,
        reproducer: None,
    }
}

fn holds(so: bool) -> Verdict {
    if so { Verdict::True } else { Verdict::False }
}

/// `9/10` and `40%`, in order.
fn marks(text: &str) -> Vec<Mark> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = &rest[at..];
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
        let value: Option<f64> = digits[..end].trim_end_matches('.').parse().ok();
        let behind = &digits[end..];
        let of = behind.strip_prefix('/').map(|of| {
            let end = of.find(|c: char| !c.is_ascii_digit()).unwrap_or(of.len());
            of[..end].parse::<f64>().unwrap_or(0.0)
        });
        let of = if behind.starts_with('%') { Some(100.0) } else { of };
        if let (Some(value), Some(of)) = (value, of)
            && [10.0, 100.0].iter().any(|known: &f64| (known - of).abs() < 1e-9)
            && value <= of
        {
            found.push(Mark { value, of });
        }
        rest = behind;
    }
    found
}

fn is_whole(text: &str) -> bool {
    let text = text.to_lowercase();
    WHOLE.iter().any(|word| text.contains(word)) && !marks(&text).is_empty()
}

/// A table of scores and the whole behind it: its sum, or its mean.
fn parts_and_whole(document: &Document) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut parts: Vec<Mark> = Vec::new();
    for passage in &document.passages {
        let found = marks(&passage.text);
        if passage.text.starts_with('|') {
            // The last score of a row is the row's.
            parts.extend(found.last());
        } else if is_whole(&passage.text) {
            if parts.len() > 2
                && let Some(whole) = found.last()
            {
                claims.push(of_parts(&parts, *whole, passage));
            }
            parts.clear();
        } else if passage.depth > 0 {
            parts.clear();
        }
    }
    claims
}

fn of_parts(parts: &[Mark], whole: Mark, at: &Passage) -> Claim {
    let sum: f64 = parts.iter().map(|part| part.value).sum();
    let of: f64 = parts.iter().map(|part| part.of).sum();
    let share = 100.0 * sum / of;
    let stated = 100.0 * whole.value / whole.of;
    let so = (share - stated).abs() <= 0.5 + 1e-9;
    let name = "the score of the whole follows from its parts";
    let reason = format!(
        "The {} parts add up to {sum} of {of}, which is {share:.2} %; stated are {stated} %.",
        parts.len()
    );
    claim("score-of-parts", name, at, holds(so), reason)
}

/// The whole is stated more than once, and not as the same.
fn one_whole(document: &Document) -> Option<Claim> {
    let mut stated: Vec<(usize, f64, &Passage)> = Vec::new();
    for passage in document.passages.iter().filter(|p| !p.text.starts_with('|')) {
        if is_whole(&passage.text)
            && !passage.text.to_lowercase().contains('→')
            && let Some(mark) = marks(&passage.text).first()
        {
            stated.push((passage.line, 100.0 * mark.value / mark.of, passage));
        }
    }
    let (_, first, at) = *stated.first()?;
    if stated.len() < 2 {
        return None;
    }
    let so = stated.iter().all(|(_, value, _)| (value - first).abs() < 1e-9);
    let list: Vec<String> =
        stated.iter().map(|(line, value, _)| format!("{value} in line {line}")).collect();
    let mut found = claim(
        "one-score",
        "the score of the whole is one",
        at,
        holds(so),
        format!("Stated are {}.", list.join(", ")),
    );
    found.lines = stated.iter().map(|(line, ..)| *line).collect();
    Some(found)
}

/// The first whole number that stands alone, with the words behind it.
fn count_of(text: &str) -> Option<(usize, String)> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.iter().enumerate().find_map(|(at, word)| {
        let number = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
        let number: usize = number.parse().ok()?;
        Some((number, words[at + 1..].join(" ").to_lowercase()))
    })
}

/// `Total: 23` and the list behind each `Breakdown …:`.
fn breakdowns(document: &Document) -> Vec<Claim> {
    let mut claims = Vec::new();
    let total = document.passages.iter().find_map(|passage| {
        let (name, rest) = passage.text.split_once(':')?;
        let (number, _) = count_of(rest)?;
        name.to_lowercase().starts_with("total issues").then_some((number, passage))
    });
    let Some((total, _)) = total else { return claims };
    for (at, passage) in document.passages.iter().enumerate() {
        if !passage.text.to_lowercase().starts_with("breakdown") {
            continue;
        }
        let items = document.passages[at + 1..].iter();
        let counts: Vec<usize> = items
            .map_while(|item| {
                let (name, number) = item.text.split_once(": ")?;
                (!name.contains(' ') || name.len() < 30).then(|| number.trim().parse().ok())?
            })
            .collect();
        let sum: usize = counts.iter().sum();
        let reason = format!("The {} counts add up to {sum}; the total is {total}.", counts.len());
        let name = "the breakdown adds up to the total";
        claims.push(claim("breakdown", name, passage, holds(sum == total), reason));
    }
    claims
}

/// The counts by severity against the items that say theirs.
fn tally(document: &Document) -> Option<Claim> {
    let mut items: BTreeMap<usize, usize> = BTreeMap::new();
    for passage in &document.passages {
        let Some(said) = passage.text.strip_prefix("Severity: ") else { continue };
        // "Medium-High" counts as the first that it names.
        let said = said.to_lowercase();
        let Some(degree) = DEGREES.iter().position(|degree| said.starts_with(degree)) else {
            continue;
        };
        *items.entry(degree).or_default() += 1;
    }
    if items.is_empty() {
        return None;
    }
    let stated: Vec<(usize, usize, &Passage)> = document
        .passages
        .iter()
        .filter_map(|passage| {
            let (name, number) = passage.text.split_once(": ")?;
            let degree = DEGREES.iter().position(|d| name.eq_ignore_ascii_case(d))?;
            Some((degree, number.trim().parse().ok()?, passage))
        })
        .collect();
    let (_, _, at) = *stated.first()?;
    let so =
        stated.iter().all(|(degree, number, _)| items.get(degree).copied().unwrap_or(0) == *number);
    let list = |counts: &mut dyn Iterator<Item = (usize, usize)>| {
        let texts = counts.map(|(degree, number)| format!("{number} {}", DEGREES[degree]));
        texts.collect::<Vec<_>>().join(", ")
    };
    let mut counted = items.iter().map(|(degree, number)| (*degree, *number));
    let mut told = stated.iter().map(|(degree, number, _)| (*degree, *number));
    let reason = format!("Its items say {}; it counts {}.", list(&mut counted), list(&mut told));
    Some(claim("tally", "the counts by severity are those of the items", at, holds(so), reason))
}

/// `47 index recommendations` against the `create index` statements of the document.
fn counted_statements(document: &Document) -> Option<Claim> {
    let (number, passage) = document.passages.iter().find_map(|passage| {
        let (number, behind) = count_of(&passage.text)?;
        let said = behind.starts_with("index") && passage.depth == 0;
        (said && behind.contains("recommend")).then_some((number, passage))
    })?;
    let lines = document.blocks.iter().flat_map(|block| block.text.lines());
    let found = lines.filter(|line| {
        let line = line.trim_start().to_lowercase();
        line.starts_with("create index") || line.starts_with("create unique index")
    });
    let found = found.count();
    let name = "as many indexes are recommended as it counts";
    let reason = format!("It counts {number}; its code holds {found} CREATE INDEX statements.");
    Some(claim("counted-indexes", name, passage, holds(found == number), reason))
}

/// `23 critical issues` against the numbered headings below the heading of that name.
fn counted_headings(document: &Document) -> Option<Claim> {
    let (number, passage) = document.passages.iter().find_map(|passage| {
        let (number, behind) = count_of(&passage.text)?;
        (behind.starts_with("critical issue") && passage.depth == 0).then_some((number, passage))
    })?;
    let begin = document.passages.iter().position(|passage| {
        passage.depth > 0 && passage.text.to_lowercase().contains("critical issues")
    })?;
    let depth = document.passages[begin].depth;
    let below = document.passages[begin + 1..].iter();
    let headings = below.filter(|p| p.depth > 0).take_while(|p| p.depth > depth);
    let numbered =
        |text: &str| text.split_once('.').is_some_and(|(n, _)| n.trim().parse::<usize>().is_ok());
    let found = headings.filter(|heading| numbered(&heading.text)).count();
    if found == 0 {
        return None;
    }
    let name = "as many critical issues are listed as it counts";
    let reason = format!("It counts {number}; {found} are listed.");
    Some(claim("counted-issues", name, passage, holds(found == number), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(text: &str) -> Vec<(String, Verdict)> {
        let found = check(&Document::read(text)).into_iter();
        found.map(|claim| (claim.kind, claim.verdict)).collect()
    }

    #[test]
    fn scores_follow_from_their_parts() {
        let table = |whole: &str| {
            format!(
                "| a | 9/10 | x |\n| b | 8/10 | y |\n| c | 7/10 | z |\n\n**Overall: {whole}**\n"
            )
        };
        assert_eq!(verdicts(&table("80/100")), [("score-of-parts".to_owned(), Verdict::True)]);
        assert_eq!(verdicts(&table("86/100")), [("score-of-parts".to_owned(), Verdict::False)]);
        // A mean of 23.75 may be said as 24.
        let mean = "| a | 10% |\n| b | 20% |\n| c | 25% |\n| d | 40% |\n\nOverall: 24%\n";
        assert_eq!(verdicts(mean), [("score-of-parts".to_owned(), Verdict::True)]);
    }

    #[test]
    fn one_whole_has_one_score() {
        let text = "It is 40% production-ready.\n\nOverall: 24% Production Ready\n";
        assert_eq!(verdicts(text), [("one-score".to_owned(), Verdict::False)]);
    }

    #[test]
    fn counts_are_those_of_the_items() {
        let text = |low: usize| {
            format!(
                "## Issues\n**Severity**: High\n\n**Severity**: Low\n\n**Severity**: Low\n\n\
                 **Total Issues**: 3\n\n**Breakdown**:\n- High: 1\n- Low: {low}\n"
            )
        };
        let kinds = |verdict| [("breakdown".to_owned(), verdict), ("tally".to_owned(), verdict)];
        assert_eq!(verdicts(&text(2)), kinds(Verdict::True));
        assert_eq!(verdicts(&text(5)), kinds(Verdict::False));
    }

    #[test]
    fn counts_are_those_of_the_statements_and_headings() {
        let text = "- 3 critical issues\n- 2 index recommendations\n\n## Critical issues\n\
                    ### 1. a\n### 2. b\n```sql\ncreate index a on t (a);\n\
                    create unique index b on t (b);\n```\n## Other\n### 3. c\n";
        let expected = [("counted-indexes", Verdict::True), ("counted-issues", Verdict::False)];
        let found = verdicts(text);
        let found: Vec<(&str, Verdict)> = found.iter().map(|(k, v)| (k.as_str(), *v)).collect();
        assert_eq!(found, expected);
    }
}
