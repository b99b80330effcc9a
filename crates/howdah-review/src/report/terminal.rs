//! The report for people: worst first, each finding with its place and its proof.

use annotate_snippets::{AnnotationKind, Element, Group, Level as Shown, Renderer, Snippet};

use super::Report;
use crate::finding::{Expect, Finding, Fix, Level, Proof};
use crate::score::score;

/// The longest piece of a statement that is shown, in lines.
const SHOWN_LINES: usize = 6;

/// The report as text; findings below `least` are only counted.
#[must_use]
pub fn terminal(report: &Report, least: Level, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for finding in report.findings.iter().filter(|finding| finding.level >= least) {
        out.push_str(&renderer.render(&[group(report, finding)]));
        out.push_str("\n\n");
    }
    for note in &report.notes {
        let place = &note.place;
        out.push_str(&format!("{}:{}: {}\n", place.path, place.position, note.message));
    }
    for unseen in &report.facts.unseen {
        out.push_str(&format!("not seen: {}. {}\n", unseen.what, unseen.why));
    }
    out.push_str(&summary(report, least));
    out
}

fn group<'a>(report: &'a Report, finding: &'a Finding) -> Group<'a> {
    let level = match finding.level {
        Level::Error => Shown::ERROR,
        Level::Warning => Shown::WARNING,
        Level::Notice => Shown::NOTE.with_name("notice"),
        Level::Info => Shown::INFO,
    };
    let name = format!("{} {}", finding.rule.code, finding.rule.name);
    let mut group = level
        .primary_title(finding.message.as_str())
        .id(name)
        .elements(std::iter::empty::<Element<'_>>());
    let text = finding.place.as_ref().and_then(|place| {
        let file = report.facts.files.iter().find(|file| file.path == place.path)?;
        Some((place, file))
    });
    if let Some((place, file)) = text {
        let snippet = Snippet::source(file.text.as_str()).path(place.path.as_str());
        let span = shown(&file.text, place.span.clone());
        let label = finding.subject.to_string();
        let annotation = AnnotationKind::Primary.span(span).label(label);
        group = group.element(snippet.annotation(annotation));
    } else {
        let whereabouts = match &finding.place {
            Some(place) => format!("{}:{}", place.path, place.position),
            None => finding.subject.to_string(),
        };
        group = group.element(Shown::NOTE.with_name("where").message(whereabouts));
    }
    if let Some(detail) = &finding.detail {
        group = group.element(Shown::NOTE.with_name("detail").message(detail.as_str()));
    }
    if let Some(hint) = &finding.hint {
        group = group.element(Shown::HELP.with_name("hint").message(hint.as_str()));
    }
    if let Some(fix) = &finding.fix {
        let name = if matches!(fix, Fix::After(_)) { "fix" } else { "instead" };
        let text = finding.fix_text().unwrap_or_default();
        group = group.element(Shown::HELP.with_name(name).message(text));
    }
    group.element(Shown::NOTE.with_name(finding.proof.as_str()).message(proof(report, finding)))
}

/// The first lines of a statement are enough to know it by.
fn shown(text: &str, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
    let ends = text[span.clone()].match_indices('\n').map(|(at, _)| at);
    let end = ends.take(SHOWN_LINES).nth(SHOWN_LINES - 1);
    span.start..end.map_or(span.end, |at| span.start + at)
}

/// How a finding is known, for people.
pub(super) fn proof(report: &Report, finding: &Finding) -> String {
    match &finding.proof {
        Proof::Heuristic => "by the look of it; nothing was run".to_owned(),
        Proof::Estimated(method) => method.clone(),
        Proof::Proved(reproducer) => {
            let when = reproducer.before.map_or(String::new(), |id| {
                let place = report.facts.place(id);
                format!("{}:{}: ", place.path, place.position.line)
            });
            let what = match &reproducer.expect {
                Expect::Written => return format!("{when}the statement itself"),
                Expect::Rows => String::new(),
                Expect::Line(text) => format!("  -- gives: {text}"),
                Expect::Failure(state) => format!("  -- fails with SQLSTATE {state}"),
            };
            format!("{when}{}{what}", reproducer.sql)
        }
    }
}

fn summary(report: &Report, least: Level) -> String {
    let count = |level| report.findings.iter().filter(|f| f.level == level).count();
    let counts: Vec<String> = [Level::Error, Level::Warning, Level::Notice, Level::Info]
        .into_iter()
        .filter(|level| count(*level) > 0)
        .map(|level| format!("{} {level}", count(level)))
        .collect();
    let counts = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
    let hidden = report.findings.iter().filter(|finding| finding.level < least).count();
    let mut line = format!("{}: {counts}", report.facts.target);
    if hidden > 0 {
        line.push_str(&format!(" ({hidden} not shown)"));
    }
    if !report.suppressed.is_empty() {
        line.push_str(&format!(", {} suppressed", report.suppressed.len()));
    }
    let score = score(report);
    let unknown = score.all - score.known;
    line.push_str(&format!("; score {score}"));
    if unknown > 0 {
        line.push_str(&format!(" ({unknown} of {} points unknown)", score.all));
    }
    line.push('\n');
    line
}
