//! What became of a review, as text and as JSON.

use serde::Serialize;

use super::{Came, Claim, ClaimsReport, StatementResult, Verdict};

/// Raised when a field changes its meaning or goes.
const SCHEMA: u32 = 1;
/// The longest quote, in characters.
const QUOTE: usize = 100;

/// For people: refuted claims first, each with its reproducer.
#[must_use]
pub fn text(report: &ClaimsReport) -> String {
    let mut out = String::new();
    let order = [Verdict::False, Verdict::TrueHere, Verdict::True, Verdict::NotProvable];
    for verdict in order {
        for claim in report.claims.iter().filter(|claim| claim.verdict == verdict) {
            out.push_str(&claim_text(claim));
        }
    }
    for one in &report.statements {
        let line = statement_text(one);
        out.push_str(&format!("line {}: {line}\n", one.line));
    }
    out.push_str(&summary(report));
    out
}

fn claim_text(claim: &Claim) -> String {
    let lines: Vec<String> = claim.lines.iter().map(ToString::to_string).collect();
    let mut out = format!(
        "{}: {} [{}]\n  line {}: {}\n  {}\n",
        claim.verdict,
        claim.claim,
        claim.kind,
        lines.join(", "),
        short(&claim.quote),
        claim.reason
    );
    if let Some(sql) = &claim.reproducer
        && claim.verdict != Verdict::NotProvable
    {
        for line in sql.lines() {
            out.push_str(&format!("    {line}\n"));
        }
    }
    out.push('\n');
    out
}

fn statement_text(one: &StatementResult) -> String {
    let sql = short(&one.sql);
    match &one.came {
        Came::NotRun(why) => format!("not run, {why}: {sql}"),
        Came::Failed { sqlstate, message, cause } => {
            let cause = cause.as_ref().map_or(String::new(), |cause| format!(" ({cause})"));
            format!("FAILS with SQLSTATE {sqlstate}, {message}{cause}: {sql}")
        }
        Came::Ran { changed: Some(false), .. } => format!("runs and changes nothing: {sql}"),
        Came::Ran { duplicates, mends, brings, .. } => {
            let mut parts = vec!["runs".to_owned()];
            for (word, list) in [("repeats", duplicates), ("mends", mends), ("brings", brings)] {
                if !list.is_empty() {
                    parts.push(format!("{word} {}", list.join("; ")));
                }
            }
            format!("{}: {sql}", parts.join(", "))
        }
    }
}

fn short(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(QUOTE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn summary(report: &ClaimsReport) -> String {
    let count = |verdict| report.claims.iter().filter(|claim| claim.verdict == verdict).count();
    let failed = report.statements.iter().filter(|s| matches!(s.came, Came::Failed { .. })).count();
    let not_run = report.statements.iter().filter(|s| matches!(s.came, Came::NotRun(_))).count();
    format!(
        "{}: of {} claims {} are false, {} true, {} true here, {} not provable; of {} statements \
         {failed} fail and {not_run} were not run; in {} sentences no claim was recognised\n",
        report.target,
        report.claims.len(),
        count(Verdict::False),
        count(Verdict::True),
        count(Verdict::TrueHere),
        count(Verdict::NotProvable),
        report.statements.len(),
        report.unrecognised
    )
}

#[derive(Serialize)]
struct DocumentOut<'a> {
    schema: u32,
    target: &'a str,
    claims: Vec<ClaimOut<'a>>,
    statements: Vec<StatementOut<'a>>,
    unrecognised: usize,
}

#[derive(Serialize)]
struct ClaimOut<'a> {
    kind: &'a str,
    claim: &'a str,
    lines: &'a [usize],
    quote: &'a str,
    verdict: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reproducer: Option<&'a str>,
}

#[derive(Serialize)]
struct StatementOut<'a> {
    line: usize,
    sql: &'a str,
    came: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<bool>,
    duplicates: &'a [String],
    mends: &'a [String],
    brings: &'a [String],
}

/// For programs.
pub fn json(report: &ClaimsReport) -> howdah_error::Result<String> {
    let document = DocumentOut {
        schema: SCHEMA,
        target: &report.target,
        claims: report.claims.iter().map(claim_out).collect(),
        statements: report.statements.iter().map(statement_out).collect(),
        unrecognised: report.unrecognised,
    };
    serde_json::to_string_pretty(&document)
        .map_err(|error| howdah_error::Error::internal("could not print JSON").source(error))
}

fn claim_out(claim: &Claim) -> ClaimOut<'_> {
    ClaimOut {
        kind: &claim.kind,
        claim: &claim.claim,
        lines: &claim.lines,
        quote: &claim.quote,
        verdict: claim.verdict.as_str(),
        reason: &claim.reason,
        reproducer: claim.reproducer.as_deref(),
    }
}

fn statement_out(one: &StatementResult) -> StatementOut<'_> {
    let mut out = StatementOut {
        line: one.line,
        sql: &one.sql,
        came: "ran",
        reason: None,
        sqlstate: None,
        changed: None,
        duplicates: &[],
        mends: &[],
        brings: &[],
    };
    match &one.came {
        Came::NotRun(why) => {
            out.came = "not run";
            out.reason = Some(why);
        }
        Came::Failed { sqlstate, message, .. } => {
            out.came = "failed";
            out.sqlstate = Some(sqlstate);
            out.reason = Some(message);
        }
        Came::Ran { changed, duplicates, mends, brings } => {
            out.changed = *changed;
            (out.duplicates, out.mends, out.brings) = (duplicates, mends, brings);
        }
    }
    out
}
