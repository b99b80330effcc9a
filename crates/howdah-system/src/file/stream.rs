//! `[streams.NAME]`.

use super::KeepBySection;
use super::reader::{At, Section};
use crate::time::{Bucket, Span};
use crate::units::{self, Complaint};

/// `[streams.NAME]` with the defaults of what does not depend on the database.
#[derive(Debug, Clone)]
pub(crate) struct StreamSection {
    pub(crate) name: At<String>,
    /// The table's name as written, or the stream's.
    pub(crate) table: At<String>,
    pub(crate) time: Option<At<String>>,
    pub(crate) key: Option<Vec<At<String>>>,
    pub(crate) order: Option<Vec<At<String>>>,
    pub(crate) chunk: At<Bucket>,
    pub(crate) ahead: u32,
    pub(crate) past: Option<Span>,
    pub(crate) future: Span,
    pub(crate) keep: Option<Span>,
    /// How long each tenant's events are kept.
    pub(crate) keep_by: KeepBySection,
    pub(crate) segment: Option<SegmentSection>,
    /// A key column of the event that is reversed, and the column of the reversal that names it.
    pub(crate) reverses: Vec<(At<String>, At<String>)>,
    pub(crate) refuse_conflicts: bool,
}

/// `segment = { after, by }`.
#[derive(Debug, Clone)]
pub(crate) struct SegmentSection {
    pub(crate) after: Option<Span>,
    pub(crate) by: Vec<At<String>>,
}

/// Events may be this far ahead of the database's clock when nothing is said.
const FUTURE: Span = Span { months: 0, days: 0, seconds: 3600 };

pub(super) fn read(top: &Section<'_>) -> Vec<StreamSection> {
    top.named_sections("streams")
        .into_iter()
        .map(|(name, section)| read_one(name, section))
        .collect()
}

fn read_one(name: At<String>, section: Section<'_>) -> StreamSection {
    if name.value.trim().is_empty() {
        section.report(name.problem("a stream has an empty name"));
    }
    let table = section.string("table").unwrap_or_else(|| {
        section.by_default("table", format!("\"{}\"", name.value));
        name.clone()
    });
    let time = section.required("time", "time = \"occurred_at\"");
    let key = section.strings("key");
    let order = section.strings("order");
    for list in [&key, &order].into_iter().flatten() {
        report_twice(&section, list);
    }
    let chunk = section.parsed("chunk", units::bucket).unwrap_or_else(|| {
        if !section.has("chunk") {
            section.by_default("chunk", "\"1 day\"");
        }
        At { value: Bucket::Day, place: section.place_of("chunk") }
    });
    let ahead = section.integer("ahead", 1, 1000).map_or_else(
        || {
            section.by_default("ahead", "3");
            3
        },
        |ahead| ahead.value as u32,
    );
    let (past, future) = read_accept(&section);
    let keep = section.parsed("keep", units::span).map(|keep| keep.value);
    let keep_by = KeepBySection::read(&section, "keep_by");
    let segment = section.section("segment").map(|segment| {
        if !segment.has("after") {
            segment.missing("after", "after = \"7 days\"");
        }
        let after = segment.parsed("after", units::span).map(|after| after.value);
        let by = segment.strings("by").unwrap_or_default();
        report_twice(&segment, &by);
        segment.finish();
        SegmentSection { after, by }
    });
    let reverses = columns_by_column(&section, "reverses");
    let refuse_conflicts = read_conflict(&section);
    section.finish();
    StreamSection {
        name,
        table,
        time,
        key,
        order,
        chunk,
        ahead,
        past,
        future,
        keep,
        keep_by,
        segment,
        reverses,
        refuse_conflicts,
    }
}

/// Whether an event of a known key with another content is refused.
fn read_conflict(section: &Section<'_>) -> bool {
    let given = section.parsed("conflict", |text| match text {
        "refuse" => Ok(true),
        "ignore" => Ok(false),
        _ => Err(Complaint::new(
            format!("\"{text}\" is no way to meet a conflict"),
            "Use \"ignore\" or \"refuse\".",
        )),
    });
    if given.is_none() {
        section.by_default("conflict", "\"ignore\"");
    }
    given.is_some_and(|given| given.value)
}

/// A table of column names by column names: `{ id = "reverses_id" }`.
pub(super) fn columns_by_column(
    section: &Section<'_>,
    key: &'static str,
) -> Vec<(At<String>, At<String>)> {
    let Some(table) = section.section(key) else { return Vec::new() };
    let mut found = Vec::new();
    for (key, value) in table.others() {
        if let Some(column) = table.string_of(&key, value) {
            found.push((key, column));
        } else {
            let message = format!("\"{}\" must be the name of a column", key.value);
            table.report(key.problem(message));
        }
    }
    found
}

fn read_accept(section: &Section<'_>) -> (Option<Span>, Span) {
    let accept = section.section("accept");
    let past = accept.as_ref().and_then(|accept| accept.parsed("past", past_or_any));
    let future = accept.as_ref().and_then(|accept| accept.parsed("future", units::span));
    if past.is_none() {
        section.by_default("accept.past", "\"any\"");
    }
    if future.is_none() {
        section.by_default("accept.future", "\"1 hour\"");
    }
    if let Some(accept) = accept {
        accept.finish();
    }
    (past.and_then(|past| past.value), future.map_or(FUTURE, |future| future.value))
}

fn past_or_any(text: &str) -> Result<Option<Span>, Complaint> {
    if text.trim() == "any" {
        return Ok(None);
    }
    units::span(text).map(Some).map_err(|complaint| Complaint {
        hint: complaint.hint.map(|hint| format!("{hint} \"any\" takes events of every age.")),
        ..complaint
    })
}

/// Reports names that a list holds twice.
pub(super) fn report_twice(section: &Section<'_>, list: &[At<String>]) {
    for (index, item) in list.iter().enumerate() {
        if list.iter().take(index).any(|before| before.value == item.value) {
            section.report(item.problem(format!("\"{}\" is named twice", item.value)));
        }
    }
}
