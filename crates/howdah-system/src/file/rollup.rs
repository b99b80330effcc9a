//! `[rollups.NAME]`.

use howdah_sql::expression::{
    ExpressionProblem, ExpressionText, MeasureText, parse_expression, parse_measure,
};
use toml::Spanned;
use toml::de::DeValue;

use super::reader::{At, Section};
use super::stream::report_twice;
use crate::problem::{Place, Problem};
use crate::time::Bucket;
use crate::units;

/// `[rollups.NAME]` with its expressions taken apart.
#[derive(Debug, Clone)]
pub(crate) struct RollupSection {
    pub(crate) name: At<String>,
    pub(crate) from: Option<At<String>>,
    /// Finest first; `None` for a state.
    pub(crate) every: Option<Vec<At<Bucket>>>,
    pub(crate) by: Vec<At<String>>,
    pub(crate) filter: Option<At<ExpressionText>>,
    pub(crate) timezone: Option<At<String>>,
    pub(crate) check: Option<At<ExpressionText>>,
    pub(crate) measures: Vec<MeasureSection>,
}

impl RollupSection {
    pub(crate) fn is_state(&self) -> bool {
        self.every.is_none()
    }
}

/// A key that is none of the above.
#[derive(Debug, Clone)]
pub(crate) enum MeasureSection {
    /// An aggregate.
    Aggregate(Box<AggregateSection>),
    /// `position = { … }`.
    Position(Box<PositionSection>),
}

/// `volume = "sum(quantity)"`.
#[derive(Debug, Clone)]
pub(crate) struct AggregateSection {
    pub(crate) name: At<String>,
    pub(crate) text: At<MeasureText>,
    /// The text as written, in which the parts of `text` have their places.
    pub(crate) written: String,
}

/// `position = { side, quantity, price, fee }`.
#[derive(Debug, Clone)]
pub(crate) struct PositionSection {
    pub(crate) name: At<String>,
    pub(crate) side: Option<At<ExpressionText>>,
    pub(crate) quantity: Option<At<ExpressionText>>,
    pub(crate) price: Option<At<ExpressionText>>,
    pub(crate) fee: Option<At<ExpressionText>>,
}

pub(super) fn read(top: &Section<'_>) -> Vec<RollupSection> {
    top.named_sections("rollups")
        .into_iter()
        .map(|(name, section)| read_one(name, &section))
        .collect()
}

fn read_one(name: At<String>, section: &Section<'_>) -> RollupSection {
    let from = section.required("from", "from = \"trades\"");
    let every = read_every(section);
    let by = section.strings("by").unwrap_or_default();
    report_twice(section, &by);
    let filter = expression(section, "where");
    let timezone = section.string("timezone");
    let check = expression(section, "check");
    let mut measures = Vec::new();
    let others = section.others();
    let none = others.is_empty();
    for (key, value) in others {
        measures.extend(read_measure(section, key, value));
    }
    if none {
        section.report(
            section
                .place
                .problem(format!("rollup \"{}\" has no measure", name.value))
                .hint("Add one, such as: trades = \"count(*)\"."),
        );
    }
    let rollup = RollupSection { name, from, every, by, filter, timezone, check, measures };
    report_impossible(section, &rollup);
    rollup
}

fn read_every(section: &Section<'_>) -> Option<Vec<At<Bucket>>> {
    let given = section.strings("every")?;
    let mut every: Vec<At<Bucket>> = Vec::new();
    for text in given {
        match units::bucket(&text.value) {
            Ok(bucket) if every.iter().any(|other| other.value == bucket) => {
                section.report(text.problem(format!("\"{bucket}\" is named twice")));
            }
            Ok(bucket) => every.push(text.map(|_| bucket)),
            Err(complaint) => {
                let message = format!("every: {}", complaint.message);
                section.report(text.problem(message).hint_if(complaint.hint));
            }
        }
    }
    every.sort_by_key(|bucket| bucket.value);
    Some(every)
}

/// What is wrong in itself, whatever the database holds.
fn report_impossible(section: &Section<'_>, rollup: &RollupSection) {
    if let Some(every) = &rollup.every {
        if every.is_empty() {
            let place = section.place_of("every");
            section.report(place.problem("\"every\" names no width").hint(
                "Leave it out for a running state, or write such as every = [\"1 minute\"].",
            ));
        }
        if let Some(check) = &rollup.check {
            section.report(
                check
                    .problem("only a state can have a check")
                    .hint("A rollup with \"every\" only counts; leave out \"every\" or \"check\"."),
            );
        }
        for measure in &rollup.measures {
            if let MeasureSection::Position(position) = measure {
                section.report(
                    position
                        .name
                        .problem("only a state can have a position")
                        .hint("A position runs on across buckets; leave out \"every\"."),
                );
            }
        }
    }
    let Some(timezone) = &rollup.timezone else { return };
    let calendar =
        rollup.every.iter().flatten().any(|bucket| !matches!(bucket.value, Bucket::Seconds(_)));
    if !calendar {
        section.report(
            timezone
                .problem("\"timezone\" has no effect here")
                .hint("It moves the borders of days and larger buckets; there is none here."),
        );
    }
    // Without a time zone database on this machine only the server can tell.
    let database = jiff::tz::db();
    let known = timezone.value == "UTC" || database.get(&timezone.value).is_ok();
    if !known && database.available().next().is_some() {
        section.report(
            timezone
                .problem(format!("unknown time zone \"{}\"", timezone.value))
                .hint("Use a name of the IANA database, such as \"Europe/Berlin\"."),
        );
    }
}

fn read_measure(
    section: &Section<'_>,
    key: At<String>,
    value: &Spanned<DeValue<'_>>,
) -> Option<MeasureSection> {
    if key.value == "position"
        && let DeValue::Table(table) = value.get_ref()
    {
        let inner = Section::new(section.reader, table, key.place.clone());
        return Some(MeasureSection::Position(Box::new(read_position(key, inner))));
    }
    let near = section.near_key(&key.value);
    let Some(written) = section.string_of(&key, value) else {
        if near.is_some() {
            section.unknown(&key);
        } else {
            let message = format!("measure \"{}\" must be a string", key.value);
            section.report(key.problem(message).hint("Write such as \"sum(quantity)\"."));
        }
        return None;
    };
    if key.value.trim().is_empty() {
        section.report(key.problem("a measure has an empty name"));
        return None;
    }
    match parse_measure(&written.value) {
        Ok(text) => Some(MeasureSection::Aggregate(Box::new(AggregateSection {
            name: key,
            text: At { value: text, place: written.place },
            written: written.value,
        }))),
        Err(_) if near.is_some() => {
            section.unknown(&key);
            None
        }
        Err(problem) => {
            let what = format!("measure \"{}\"", key.value);
            section.report(problem_in(&written.place, &written.value, &what, problem));
            None
        }
    }
}

fn read_position(name: At<String>, section: Section<'_>) -> PositionSection {
    for (key, like) in [
        ("side", "side = \"side\""),
        ("quantity", "quantity = \"quantity\""),
        ("price", "price = \"price\""),
    ] {
        if !section.has(key) {
            section.missing(key, like);
        }
    }
    let position = PositionSection {
        name,
        side: expression(&section, "side"),
        quantity: expression(&section, "quantity"),
        price: expression(&section, "price"),
        fee: expression(&section, "fee"),
    };
    section.finish();
    position
}

fn expression(section: &Section<'_>, key: &'static str) -> Option<At<ExpressionText>> {
    read_text(section, key, parse_expression)
}

/// The expression at `key`, with the place where its own text begins.
pub(super) fn read_text(
    section: &Section<'_>,
    key: &'static str,
    parse: fn(&str) -> Result<ExpressionText, ExpressionProblem>,
) -> Option<At<ExpressionText>> {
    let text = section.string(key)?;
    match parse(&text.value) {
        Ok(parsed) => {
            let place = text.place.inside(&text.value, parsed.offset);
            let body = text.place.body.map(|_| (place.line, place.column));
            Some(At { value: parsed, place: Place { body, ..text.place } })
        }
        Err(problem) => {
            section.report(problem_in(&text.place, &text.value, key, problem));
            None
        }
    }
}

fn problem_in(place: &Place, text: &str, what: &str, problem: ExpressionProblem) -> Problem {
    place
        .inside(text, problem.offset)
        .problem(format!("{what}: {}", problem.message))
        .hint_if(problem.hint)
}
