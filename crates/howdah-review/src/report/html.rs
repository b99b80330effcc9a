//! The report as one HTML page with its figures, that needs nothing else: no script, no font, no
//! picture from elsewhere.

use super::{Report, Told};
use crate::finding::Level;
use crate::rule::Group;
use crate::score::{Outcome, Score, score, weight};

const LEVELS: [Level; 4] = [Level::Error, Level::Warning, Level::Notice, Level::Info];
/// The circumference of the ring, for a radius of 54.
const RING: f64 = 339.292;
/// How wide the bars may be.
const BAR: u32 = 320;

/// The page.
#[must_use]
pub fn html(report: &Report) -> String {
    let score = score(report);
    let target = escape(&report.facts.target);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Review of {target}</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         <h1>Review of {target}</h1>\n<div class=\"figures\">\n{}{}{}</div>\n",
        include_str!("page.css"),
        ring(&score),
        levels(report),
        groups(&score)
    );
    if report.findings.is_empty() {
        out.push_str("<p>No findings.</p>\n");
    }
    for told in report.told() {
        out.push_str(&article(report, &told));
    }
    if !report.suppressed.is_empty() {
        out.push_str("<h2>Suppressed</h2>\n<ul>\n");
        for one in &report.suppressed {
            let message = escape(&one.finding.message);
            out.push_str(&format!("<li>{message}: {}</li>\n", escape(&one.reason)));
        }
        out.push_str("</ul>\n");
    }
    for unseen in &report.facts.unseen {
        let (what, why) = (escape(&unseen.what), escape(&unseen.why));
        out.push_str(&format!("<p class=\"quiet\">Not seen: {what}. {why}</p>\n"));
    }
    out.push_str(&checks(&score));
    out.push_str("</body>\n</html>\n");
    out
}

/// Text that is safe within HTML and XML.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML knows no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn ring(score: &Score) -> String {
    let filled = score.tenths().map_or(0.0, |tenths| f64::from(tenths) / 1000.0 * RING);
    format!(
        "<figure><svg viewBox=\"0 0 140 140\" width=\"140\" height=\"140\" role=\"img\" \
         aria-label=\"score {score}\"><circle class=\"rest\" cx=\"70\" cy=\"70\" r=\"54\"/>\
         <circle class=\"part\" cx=\"70\" cy=\"70\" r=\"54\" stroke-dasharray=\"{filled:.1} \
         {RING}\" transform=\"rotate(-90 70 70)\"/><text x=\"70\" y=\"78\">{score}</text></svg>\
         <figcaption>{} of {} points, {} unknown</figcaption></figure>\n",
        score.passed,
        score.known,
        score.all - score.known
    )
}

fn bars(rows: &[(String, String, u32)], caption: &str) -> String {
    let most = rows.iter().map(|(_, _, count)| *count).max().unwrap_or(0).max(1);
    let height = rows.len() * 22 + 4;
    let mut out = format!("<figure><svg width=\"520\" height=\"{height}\" role=\"img\">");
    for (at, (name, class, count)) in rows.iter().enumerate() {
        let y = at * 22 + 4;
        let width = count * BAR / most;
        out.push_str(&format!(
            "<text class=\"name\" x=\"110\" y=\"{}\">{name}</text>\
             <rect class=\"{class}\" x=\"120\" y=\"{y}\" width=\"{width}\" height=\"16\"/>\
             <text class=\"count\" x=\"{}\" y=\"{}\">{count}</text>",
            y + 13,
            126 + width,
            y + 13
        ));
    }
    out.push_str(&format!("</svg><figcaption>{caption}</figcaption></figure>\n"));
    out
}

fn levels(report: &Report) -> String {
    let told = report.told();
    let rows: Vec<(String, String, u32)> = LEVELS
        .into_iter()
        .map(|level| {
            let count = told.iter().filter(|told| told.level() == level).count();
            (level.to_string(), level.to_string(), u32::try_from(count).unwrap_or(u32::MAX / BAR))
        })
        .collect();
    bars(&rows, "findings by level")
}

fn groups(score: &Score) -> String {
    let rows: Vec<(String, String, u32)> = Group::ALL
        .iter()
        .map(|group| {
            let lost = score
                .checks
                .iter()
                .filter(|(rule, outcome)| rule.group == *group && *outcome == Outcome::Failed);
            let points: u32 = lost.map(|(rule, _)| weight(rule.level)).sum();
            (group.as_str().to_owned(), "points".to_owned(), points)
        })
        .filter(|(_, _, points)| *points > 0)
        .collect();
    if rows.is_empty() { String::new() } else { bars(&rows, "points lost by group") }
}

fn article(report: &Report, told: &Told<'_>) -> String {
    let finding = told.first();
    let place = match &finding.place {
        Some(place) => format!("{}:{}", place.path, place.position),
        None => finding.subject.to_string(),
    };
    let mut out = format!(
        "<article class=\"{level}\">\n<h2>{}</h2>\n<p class=\"quiet\">{level} {} {} at \
         {}</p>\n",
        escape(&told.message()),
        finding.rule.code,
        finding.rule.name,
        escape(&place),
        level = finding.level
    );
    if told.findings.len() > 1 {
        let places: Vec<String> = told.places().iter().map(|place| escape(place)).collect();
        out.push_str(&format!("<ul>\n<li>{}</li>\n</ul>\n", places.join("</li>\n<li>")));
    }
    for text in told.details().into_iter().chain(told.hints()) {
        out.push_str(&format!("<p>{}</p>\n", escape(text)));
    }
    out.push_str(&format!(
        "<details><summary>{}</summary><pre>{}</pre></details>\n",
        finding.proof.as_str(),
        escape(&told.proofs(report))
    ));
    for (name, text) in told.fixes() {
        let sql = escape(&text);
        out.push_str(&format!(
            "<details open><summary>{name}</summary><pre>{sql}</pre></details>\n"
        ));
    }
    out.push_str("</article>\n");
    out
}

fn checks(score: &Score) -> String {
    let mut out = "<details><summary>Checks of the score</summary>\n<table>\n\
                   <tr><th>Check</th><th>Weight</th><th>Outcome</th></tr>\n"
        .to_owned();
    for (rule, outcome) in &score.checks {
        out.push_str(&format!(
            "<tr><td>{} {}</td><td>{}</td><td class=\"{outcome}\">{outcome}</td></tr>\n",
            rule.code,
            rule.name,
            weight(rule.level),
            outcome = outcome.as_str()
        ));
    }
    out.push_str("</table>\n</details>\n");
    out
}
