//! The report for people: worst first, each finding with its place and its proof.

use annotate_snippets::{AnnotationKind, Element, Group, Level as Shown, Renderer, Snippet};

use super::{Report, Told};
use crate::finding::{Expect, Finding, Level, Proof};
use crate::score::score;

/// The longest piece of a statement that is shown, in lines.
const SHOWN_LINES: usize = 6;

/// The report as text; findings below `least` are only counted.
#[must_use]
pub fn terminal(report: &Report, least: Level, colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    let all = report.told();
    for told in all.iter().filter(|told| told.level() >= least) {
        let pieces = Pieces::of(report, told);
        out.push_str(&renderer.render(&[group(report, told.first(), &pieces)]));
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

/// The texts of what is told as one.
struct Pieces {
    message: String,
    /// Every place, when there are several.
    places: Option<String>,
    details: String,
    hints: String,
    fixes: Vec<(&'static str, String)>,
    proofs: String,
}

impl Pieces {
    fn of(report: &Report, told: &Told<'_>) -> Self {
        Self {
            message: told.message(),
            places: (told.findings.len() > 1).then(|| told.places().join("\n")),
            details: told.details().join("\n"),
            hints: told.hints().join("\n"),
            fixes: told.fixes(),
            proofs: told.proofs(report),
        }
    }
}

fn group<'a>(report: &'a Report, finding: &'a Finding, pieces: &'a Pieces) -> Group<'a> {
    let level = match finding.level {
        Level::Error => Shown::ERROR,
        Level::Warning => Shown::WARNING,
        Level::Notice => Shown::NOTE.with_name("notice"),
        Level::Info => Shown::INFO,
    };
    let name = format!("{} {}", finding.rule.code, finding.rule.name);
    let mut group = level
        .primary_title(pieces.message.as_str())
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
    } else if pieces.places.is_none() {
        let whereabouts = match &finding.place {
            Some(place) => format!("{}:{}", place.path, place.position),
            None => finding.subject.to_string(),
        };
        group = group.element(Shown::NOTE.with_name("where").message(whereabouts));
    }
    if let Some(places) = &pieces.places {
        group = group.element(Shown::NOTE.with_name("places").message(places.as_str()));
    }
    if !pieces.details.is_empty() {
        group = group.element(Shown::NOTE.with_name("detail").message(pieces.details.as_str()));
    }
    if !pieces.hints.is_empty() {
        group = group.element(Shown::HELP.with_name("hint").message(pieces.hints.as_str()));
    }
    for (name, text) in &pieces.fixes {
        group = group.element(Shown::HELP.with_name(*name).message(text.as_str()));
    }
    group.element(Shown::NOTE.with_name(finding.proof.as_str()).message(pieces.proofs.as_str()))
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
    let told = report.told();
    let count = |level| told.iter().filter(|told| told.level() == level).count();
    let counts: Vec<String> = [Level::Error, Level::Warning, Level::Notice, Level::Info]
        .into_iter()
        .filter(|level| count(*level) > 0)
        .map(|level| format!("{} {level}", count(level)))
        .collect();
    let counts = if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") };
    let hidden = told.iter().filter(|told| told.level() < least).count();
    let facts = &report.facts;
    let read = facts.tool().map_or_else(String::new, |tool| {
        let failed = match facts.failed() {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let (files, statements) = (facts.files.len(), facts.statements.len());
        format!("read: {files} files ({tool}), {statements} statements{failed}\n")
    });
    let mut line = format!("{read}{}: {counts}", facts.target);
    if report.findings.len() > told.len() {
        line.push_str(&format!(" in {} places", report.findings.len()));
    }
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
