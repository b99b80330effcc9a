//! `[rollups.NAME]`.

use howdah_sql::expression::{
    ExpressionProblem, ExpressionText, MeasureText, parse_expression, parse_expression_of_span,
    parse_measure, parse_measure_of_span,
};
use toml::Spanned;
use toml::de::DeValue;

use super::derived::{self, DerivedSection};
use super::reader::{At, Section};
use super::span::{self, SpanRollupSection, SpanSection};
use super::stream::report_twice;
use crate::problem::{Place, Problem};
use crate::span::SpanAt;
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
    pub(crate) computed: Vec<ComputedSection>,
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

/// `market_cap = "total_shares * share_price"`: an expression over other measures.
#[derive(Debug, Clone)]
pub(crate) struct ComputedSection {
    pub(crate) name: At<String>,
    pub(crate) text: At<ExpressionText>,
    /// What is wrong with it as an aggregate: told when it names no other measure either.
    pub(super) no_aggregate: Problem,
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

/// `[rollups]`, by what they are made of.
#[derive(Default)]
pub(super) struct Sections {
    pub(super) of_streams: Vec<RollupSection>,
    pub(super) of_states: Vec<DerivedSection>,
    pub(super) of_spans: Vec<SpanRollupSection>,
}

pub(super) fn read(top: &Section<'_>, spans: &[SpanSection]) -> Sections {
    let mut out = Sections::default();
    for (name, section) in top.named_sections("rollups") {
        if section.has("of") {
            out.of_states.push(derived::read_one(name, &section));
            continue;
        }
        let from = section.required("from", "from = \"trades\"");
        let named = |from: &At<String>| spans.iter().any(|spans| spans.name.value == from.value);
        let is_span = from.as_ref().is_some_and(named);
        let calendar = span::read_calendar(&section);
        if is_span || calendar.is_some() {
            let at = if is_span {
                span::read_at(&section, section.has("every") || calendar.is_some())
            } else {
                refuse_at(&section);
                At { value: SpanAt::Begin, place: section.place.clone() }
            };
            let other = is_span.then_some(at.value);
            let rollup = read_one(name, from, &section, Speech::of(other));
            out.of_spans.push(SpanRollupSection { at, calendar, rollup });
        } else {
            refuse_at(&section);
            out.of_streams.push(read_one(name, from, &section, Speech::of(None)));
        }
    }
    out
}

/// Events have one time.
fn refuse_at(section: &Section<'_>) {
    if section.string("at").is_some() {
        section.report(
            section
                .place_of("at")
                .problem("only a rollup of spans has \"at\"")
                .hint("Let \"from\" name one of [spans]."),
        );
    }
}

/// How the expressions of a rollup are read.
#[derive(Clone, Copy)]
struct Speech {
    expression: fn(&str) -> Result<ExpressionText, ExpressionProblem>,
    measure: fn(&str) -> Result<MeasureText, ExpressionProblem>,
}

impl Speech {
    fn of(spans: Option<SpanAt>) -> Self {
        match spans {
            None => Self { expression: parse_expression, measure: parse_measure },
            Some(SpanAt::End) => Self {
                expression: |text| parse_expression_of_span(text, SpanAt::End.other()),
                measure: |text| parse_measure_of_span(text, SpanAt::End.other()),
            },
            Some(SpanAt::Begin | SpanAt::Split) => Self {
                expression: |text| parse_expression_of_span(text, SpanAt::Begin.other()),
                measure: |text| parse_measure_of_span(text, SpanAt::Begin.other()),
            },
        }
    }
}

fn read_one(
    name: At<String>,
    from: Option<At<String>>,
    section: &Section<'_>,
    speech: Speech,
) -> RollupSection {
    let every = read_every(section);
    let by = section.strings("by").unwrap_or_default();
    report_twice(section, &by);
    let filter = read_text(section, "where", speech.expression);
    let timezone = section.string("timezone");
    let check = expression(section, "check");
    let (mut measures, mut computed) = (Vec::new(), Vec::new());
    let others = section.others();
    let none = others.is_empty();
    for (key, value) in others {
        match read_measure(section, key, value, speech.measure) {
            Some(Found::Measure(measure)) => measures.push(measure),
            Some(Found::Computed(measure)) => computed.push(*measure),
            None => {}
        }
    }
    if none {
        section.report(
            section
                .place
                .problem(format!("rollup \"{}\" has no measure", name.value))
                .hint("Add one, such as: trades = \"count(*)\"."),
        );
    }
    let known: Vec<&str> = measures
        .iter()
        .map(|measure| match measure {
            MeasureSection::Aggregate(aggregate) => aggregate.name.value.as_str(),
            MeasureSection::Position(_) => "position",
        })
        .chain(by.iter().map(|key| key.value.as_str()))
        .collect();
    let computed = computed_of(section, computed, &known);
    let rollup =
        RollupSection { name, from, every, by, filter, timezone, check, measures, computed };
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

/// What a key that is none of the known ones holds.
pub(super) enum Found {
    Measure(MeasureSection),
    Computed(Box<ComputedSection>),
}

/// Those of `found` that compute with something of `known`; the others were meant as aggregates.
pub(super) fn computed_of(
    section: &Section<'_>,
    found: Vec<ComputedSection>,
    known: &[&str],
) -> Vec<ComputedSection> {
    let names: Vec<String> = found.iter().map(|computed| computed.name.value.clone()).collect();
    let position = known.contains(&"position");
    let (computed, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|computed| {
        let columns = &computed.text.value.columns;
        position
            || columns
                .iter()
                .any(|used| known.contains(&used.name.as_str()) || names.contains(&used.name))
    });
    for other in others {
        section.report(other.no_aggregate);
    }
    computed
}

pub(super) fn read_measure(
    section: &Section<'_>,
    key: At<String>,
    value: &Spanned<DeValue<'_>>,
    parse: fn(&str) -> Result<MeasureText, ExpressionProblem>,
) -> Option<Found> {
    if key.value == "position"
        && let DeValue::Table(table) = value.get_ref()
    {
        let inner = Section::new(section.reader, table, key.place.clone());
        let position = read_position(key, inner);
        return Some(Found::Measure(MeasureSection::Position(Box::new(position))));
    }
    // Of one or two letters everything is near.
    let near = section.near_key(&key.value).filter(|_| key.value.len() > 2);
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
    match (parse(&written.value), parse_expression(&written.value)) {
        (Ok(text), _) => {
            Some(Found::Measure(MeasureSection::Aggregate(Box::new(AggregateSection {
                name: key,
                text: At { value: text, place: written.place },
                written: written.value,
            }))))
        }
        (Err(problem), computed) => {
            // A bare word or constant is no computation: the key is more likely a slip.
            let is_computation = |text: &ExpressionText| {
                !text.columns.is_empty() && (near.is_none() || text.plain_column.is_none())
            };
            let what = format!("measure \"{}\"", key.value);
            let no_aggregate = problem_in(&written.place, &written.value, &what, problem);
            match computed.ok().filter(is_computation) {
                Some(text) => {
                    let text = placed(written, text);
                    let computed = ComputedSection { name: key, text, no_aggregate };
                    return Some(Found::Computed(Box::new(computed)));
                }
                None if near.is_some() => section.unknown(&key),
                None => section.report(no_aggregate),
            }
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
        Ok(parsed) => Some(placed(text, parsed)),
        Err(problem) => {
            section.report(problem_in(&text.place, &text.value, key, problem));
            None
        }
    }
}

/// The expression that `text` holds; from here on its place is where its own text begins.
fn placed(text: At<String>, parsed: ExpressionText) -> At<ExpressionText> {
    let place = text.place.inside(&text.value, parsed.offset);
    let body = text.place.body.map(|_| (place.line, place.column));
    At { value: parsed, place: Place { body, ..text.place } }
}

fn problem_in(place: &Place, text: &str, what: &str, problem: ExpressionProblem) -> Problem {
    place
        .inside(text, problem.offset)
        .problem(format!("{what}: {}", problem.message))
        .hint_if(problem.hint)
}
