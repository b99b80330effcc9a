//! The report in Markdown, for a comment on a change or a page of a wiki.

use super::Report;
use super::terminal::proof;
use crate::finding::{Finding, Fix, Level};
use crate::score::score;

/// The document; findings below `least` are only counted.
#[must_use]
pub fn markdown(report: &Report, least: Level) -> String {
    let score = score(report);
    let mut out = format!("# Review of {}\n\n", inline(&report.facts.target));
    out.push_str(&format!(
        "Score **{score}**: {} of {} points; {} of {} points are unknown.\n\n",
        score.passed,
        score.known,
        score.all - score.known,
        score.all
    ));
    let shown: Vec<&Finding> = report.findings.iter().filter(|f| f.level >= least).collect();
    if shown.is_empty() {
        out.push_str("No findings.\n\n");
    } else {
        out.push_str("| Level | Rule | Where | What |\n| --- | --- | --- | --- |\n");
        for finding in &shown {
            out.push_str(&format!(
                "| {} | {} {} | {} | {} |\n",
                finding.level,
                finding.rule.code,
                finding.rule.name,
                cell(&place(finding)),
                cell(&finding.message)
            ));
        }
        out.push('\n');
        for finding in &shown {
            out.push_str(&section(report, finding));
        }
    }
    let hidden = report.findings.len() - shown.len();
    if hidden > 0 {
        out.push_str(&format!("{hidden} findings below {least} are not shown.\n"));
    }
    out
}

fn place(finding: &Finding) -> String {
    match &finding.place {
        Some(place) => format!("{}:{}", place.path, place.position.line),
        None => finding.subject.to_string(),
    }
}

fn section(report: &Report, finding: &Finding) -> String {
    let mut out = format!("## {} {}\n\n", finding.rule.code, inline(&finding.message));
    let texts = [finding.detail.as_deref(), finding.hint.as_deref()];
    for text in texts.into_iter().flatten() {
        out.push_str(&format!("{}\n\n", inline(text)));
    }
    out.push_str(&format!("{}:\n\n", finding.proof.as_str()));
    out.push_str(&fenced(&proof(report, finding)));
    if let Some(text) = finding.fix_text() {
        let what = match &finding.fix {
            Some(Fix::Instead(..)) => "instead, run on a scratch server:",
            _ => "fix, run on a scratch server:",
        };
        out.push_str(&format!("{what}\n\n{}", fenced(&text)));
    }
    out
}

/// A fence that is longer than any within.
fn fenced(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}sql\n{text}\n{fence}\n\n")
}

/// Without what Markdown would read as its own.
fn inline(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>') {
            out.push('\\');
        }
        out.push(if c == '\n' { ' ' } else { c });
    }
    out
}

fn cell(text: &str) -> String {
    inline(text).replace('|', "\\|")
}
