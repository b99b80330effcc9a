//! The report for programs: a versioned document, the same for the same input.

use serde::Serialize;

use super::Report;
use crate::finding::{Expect, Finding, Fix, Proof};
use crate::score::{score, weight};

/// Raised when a field changes its meaning or goes; new fields do not raise it.
const SCHEMA: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    target: &'a str,
    live: bool,
    server_version: Option<u32>,
    /// The tool whose files they are; nothing for a database in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'static str>,
    files: usize,
    statements: usize,
    /// Statements that failed, the consequences of others among them.
    failed: usize,
    findings: Vec<FindingOut<'a>>,
    suppressed: Vec<SuppressedOut<'a>>,
    notes: Vec<NoteOut<'a>>,
    unseen: Vec<UnseenOut<'a>>,
    score: ScoreOut,
}

#[derive(Serialize)]
struct FindingOut<'a> {
    code: &'a str,
    rule: &'a str,
    group: &'a str,
    level: &'a str,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<PlaceOut<'a>>,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    proof: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reproducer: Option<ReproducerOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixOut<'a>>,
    fingerprint: &'a str,
    /// Findings with the same one are told to people as one.
    cause: String,
}

#[derive(Serialize)]
struct PlaceOut<'a> {
    path: &'a str,
    line: usize,
    column: usize,
    start: usize,
    end: usize,
}

#[derive(Serialize)]
struct ReproducerOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    sql: &'a str,
    expect: String,
}

#[derive(Serialize)]
struct FixOut<'a> {
    instead: bool,
    sql: &'a [String],
    /// What belongs to it and must stand in a later migration.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    later: &'a [String],
}

#[derive(Serialize)]
struct SuppressedOut<'a> {
    finding: FindingOut<'a>,
    reason: &'a str,
}

#[derive(Serialize)]
struct NoteOut<'a> {
    path: &'a str,
    line: usize,
    message: &'a str,
}

#[derive(Serialize)]
struct UnseenOut<'a> {
    what: &'a str,
    why: &'a str,
}

#[derive(Serialize)]
struct ScoreOut {
    score: Option<f64>,
    passed_weight: u32,
    known_weight: u32,
    all_weight: u32,
    checks: Vec<CheckOut>,
}

#[derive(Serialize)]
struct CheckOut {
    code: &'static str,
    rule: &'static str,
    weight: u32,
    outcome: &'static str,
}

/// The document.
pub fn json(report: &Report) -> howdah_error::Result<String> {
    let facts = &report.facts;
    let document = Document {
        schema: SCHEMA,
        target: &facts.target,
        live: facts.live,
        server_version: facts.server_version(),
        tool: facts.tool(),
        files: facts.files.len(),
        statements: facts.statements.len(),
        failed: facts.failed(),
        findings: report.findings.iter().map(|finding| out(report, finding)).collect(),
        suppressed: report
            .suppressed
            .iter()
            .map(|s| SuppressedOut { finding: out(report, &s.finding), reason: &s.reason })
            .collect(),
        notes: report
            .notes
            .iter()
            .map(|note| NoteOut {
                path: &note.place.path,
                line: note.place.position.line,
                message: &note.message,
            })
            .collect(),
        unseen: facts.unseen.iter().map(|u| UnseenOut { what: &u.what, why: &u.why }).collect(),
        score: score_out(report),
    };
    serde_json::to_string_pretty(&document)
        .map_err(|error| howdah_error::Error::internal("could not print JSON").source(error))
}

fn out<'a>(report: &'a Report, finding: &'a Finding) -> FindingOut<'a> {
    let (method, reproducer) = match &finding.proof {
        Proof::Proved(reproducer) => (None, Some(reproducer)),
        Proof::Estimated(method) => (Some(method.as_str()), None),
        Proof::Heuristic => (None, None),
    };
    FindingOut {
        code: finding.rule.code,
        rule: finding.rule.name,
        group: finding.rule.group.as_str(),
        level: finding.level.as_str(),
        subject: finding.subject.to_string(),
        place: finding.place.as_ref().map(|place| PlaceOut {
            path: &place.path,
            line: place.position.line,
            column: place.position.column,
            start: place.span.start,
            end: place.span.end,
        }),
        message: &finding.message,
        detail: finding.detail.as_deref(),
        hint: finding.hint.as_deref(),
        proof: finding.proof.as_str(),
        method,
        reproducer: reproducer.map(|reproducer| ReproducerOut {
            before: reproducer.before.map(|id| {
                let place = report.facts.place(id);
                format!("{}:{}", place.path, place.position)
            }),
            sql: &reproducer.sql,
            expect: match &reproducer.expect {
                Expect::Rows => "rows".to_owned(),
                Expect::Line(text) => format!("a line with: {text}"),
                Expect::Written => "the statement itself".to_owned(),
                Expect::Failure(state) => format!("SQLSTATE {state}"),
            },
        }),
        fix: finding.fix.as_ref().map(|fix| FixOut {
            instead: matches!(fix, Fix::Instead(..)),
            sql: fix.sql(),
            later: &finding.later,
        }),
        fingerprint: &finding.fingerprint,
        cause: finding.cause(),
    }
}

fn score_out(report: &Report) -> ScoreOut {
    let score = score(report);
    ScoreOut {
        score: score.tenths().map(|tenths| f64::from(tenths) / 10.0),
        passed_weight: score.passed,
        known_weight: score.known,
        all_weight: score.all,
        checks: score
            .checks
            .iter()
            .map(|(rule, outcome)| CheckOut {
                code: rule.code,
                rule: rule.name,
                weight: weight(rule.level),
                outcome: outcome.as_str(),
            })
            .collect(),
    }
}
