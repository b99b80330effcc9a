//! The report in Markdown, for a comment on a change or a page of a wiki.

use super::cause::whereabouts;
use super::{Report, Told};
use crate::finding::Level;
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
    let all = report.told();
    let shown: Vec<&Told<'_>> = all.iter().filter(|told| told.level() >= least).collect();
    if shown.is_empty() {
        out.push_str("No findings.\n\n");
    } else {
        out.push_str("| Level | Rule | Where | What |\n| --- | --- | --- | --- |\n");
        for told in &shown {
            let finding = told.first();
            let more = match told.findings.len() {
                1 => String::new(),
                places => format!(" and {} more", places - 1),
            };
            out.push_str(&format!(
                "| {} | {} {} | {}{more} | {} |\n",
                finding.level,
                finding.rule.code,
                finding.rule.name,
                cell(&whereabouts(finding)),
                cell(&finding.message)
            ));
        }
        out.push('\n');
        for told in &shown {
            out.push_str(&section(report, told));
        }
    }
    let hidden = all.len() - shown.len();
    if hidden > 0 {
        out.push_str(&format!("{hidden} findings below {least} are not shown.\n"));
    }
    out
}

fn section(report: &Report, told: &Told<'_>) -> String {
    let finding = told.first();
    let mut out = format!("## {} {}\n\n", finding.rule.code, inline(&told.message()));
    if told.findings.len() > 1 {
        for place in told.places() {
            out.push_str(&format!("- {}\n", inline(&place)));
        }
        out.push('\n');
    }
    for text in told.details().into_iter().chain(told.hints()) {
        out.push_str(&format!("{}\n\n", inline(text)));
    }
    out.push_str(&format!("{}:\n\n", finding.proof.as_str()));
    out.push_str(&fenced(&told.proofs(report)));
    for (name, text) in told.fixes() {
        out.push_str(&format!("{name}, run on a scratch server:\n\n{}", fenced(&text)));
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
