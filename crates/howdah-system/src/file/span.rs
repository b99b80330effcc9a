//! `[spans.NAME]`, and the keys of `[rollups.NAME]` that speak of spans and calendars.

use howdah_sql::expression::{ExpressionText, parse_expression};

use super::reader::{At, Section};
use super::rollup::{RollupSection, read_text};
use super::stream::report_twice;
use crate::span::SpanAt;
use crate::time::Span;
use crate::units::{self, Complaint};

/// `[spans.NAME]`.
#[derive(Debug, Clone)]
pub(crate) struct SpanSection {
    pub(crate) name: At<String>,
    pub(crate) from: Option<At<String>>,
    pub(crate) by: Vec<At<String>>,
    pub(crate) within: Vec<At<String>>,
    pub(crate) longest: Option<At<Span>>,
    pub(crate) filter: Option<At<ExpressionText>>,
}

/// `[rollups.NAME]` of spans, or with a calendar.
#[derive(Debug, Clone)]
pub(crate) struct SpanRollupSection {
    pub(crate) at: At<SpanAt>,
    pub(crate) calendar: Option<CalendarSection>,
    pub(crate) rollup: RollupSection,
}

/// `calendar = { table, by, period, key }`.
#[derive(Debug, Clone)]
pub(crate) struct CalendarSection {
    pub(crate) table: Option<At<String>>,
    pub(crate) by: Vec<At<String>>,
    pub(crate) period: Option<At<String>>,
    pub(crate) key: Vec<At<String>>,
}

pub(super) fn read(top: &Section<'_>) -> Vec<SpanSection> {
    let sections = top.named_sections("spans").into_iter();
    sections.map(|(name, section)| read_one(name, section)).collect()
}

fn read_one(name: At<String>, section: Section<'_>) -> SpanSection {
    let from = section.required("from", "from = \"machine_states\"");
    if !section.has("by") {
        section.missing("by", "by = [\"machine\"]");
    }
    let by = section.strings("by").unwrap_or_default();
    let within = section.strings("within").unwrap_or_default();
    for list in [&by, &within] {
        report_twice(&section, list);
    }
    let longest = section.parsed("longest", units::span);
    let filter = read_text(&section, "where", parse_expression);
    if let Some(longest) = longest.as_ref().filter(|longest| longest.value.months > 0) {
        section.report(
            longest
                .problem("\"longest\" is counted in months, which are not all of one length")
                .hint("Write it in days or less, such as \"30 days\"."),
        );
    }
    section.finish();
    SpanSection { name, from, by, within, longest, filter }
}

/// Where spans count: as written, else in parts where there are buckets or periods.
pub(super) fn read_at(section: &Section<'_>, parts: bool) -> At<SpanAt> {
    let given = section.parsed("at", |text| match text {
        "begin" => Ok(SpanAt::Begin),
        "end" => Ok(SpanAt::End),
        "split" => Ok(SpanAt::Split),
        _ => Err(Complaint::new(
            format!("a span cannot count at \"{text}\""),
            "Use \"begin\", \"end\" or \"split\".",
        )),
    });
    let place = section.place_of("at");
    match given {
        Some(At { value: SpanAt::Split, place }) if !parts => {
            section.report(
                place
                    .problem("there is nothing to split spans over")
                    .hint("Add \"every\" or \"calendar\", or leave \"at\" out."),
            );
            At { value: SpanAt::Begin, place }
        }
        Some(given) => given,
        None if parts => At { value: SpanAt::Split, place },
        None => At { value: SpanAt::Begin, place },
    }
}

pub(super) fn read_calendar(section: &Section<'_>) -> Option<CalendarSection> {
    let calendar = section.section("calendar")?;
    let found = CalendarSection {
        table: calendar.required("table", "table = \"shifts\""),
        by: calendar.strings("by").unwrap_or_default(),
        period: calendar.required("period", "period = \"period\""),
        key: calendar.strings("key").unwrap_or_default(),
    };
    for list in [&found.by, &found.key] {
        report_twice(&calendar, list);
    }
    calendar.finish();
    if section.has("every") {
        section.report(
            section
                .place_of("every")
                .problem("a rollup has buckets (\"every\") or a calendar, not both")
                .hint("Keep one of the two, and make another rollup for the other."),
        );
    }
    Some(found)
}
