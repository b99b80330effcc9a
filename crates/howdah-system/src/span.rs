//! Spans in the model: the times between the events of a key, and the rollups made of them.

use howdah_catalog::{Ident, RelName};

use crate::model::{Expr, KeyColumn, Rollup, Stream, System};

/// The times from each event of a key to the next one of the same key.
#[derive(Debug, Clone, PartialEq)]
pub struct Spans {
    /// The name in the file; that of the stream for [`Self::alone`].
    pub name: String,
    /// Index into [`System::streams`].
    pub stream: usize,
    /// What tells one row of events from another: tenant first (when the stream has one). Never
    /// null.
    pub by: Vec<Ident>,
    /// There is no span between two events that differ in one of these.
    pub within: Vec<Ident>,
    /// The length in seconds at which a span is cut.
    pub longest: Option<u32>,
    /// Only events for which this holds are there.
    pub filter: Option<Expr>,
    /// Every event stands by itself, without a next one: for calendars over events.
    pub alone: bool,
}

impl Spans {
    /// What orders the events of one key, all in all.
    #[must_use]
    pub fn order(&self, stream: &Stream) -> Vec<Ident> {
        let columns = stream.order.iter().chain(&stream.key);
        let mut order: Vec<Ident> = Vec::new();
        for column in columns.filter(|column| !self.by.contains(column)) {
            if !order.contains(column) {
                order.push(column.clone());
            }
        }
        order
    }
}

/// Where a span counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanAt {
    /// At its beginning, whole.
    Begin,
    /// At its end, whole; the row is that of the later event.
    End,
    /// In parts, in every bucket or period that it meets.
    Split,
}

impl SpanAt {
    /// What the event at the other end is called.
    #[must_use]
    pub fn other(self) -> &'static str {
        match self {
            Self::Begin | Self::Split => "next",
            Self::End => "prev",
        }
    }
}

/// A rollup, or state, made of spans.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRollup {
    /// Index into [`System::spans`].
    pub spans: usize,
    /// Where a span counts.
    pub at: SpanAt,
    /// The periods that take the place of buckets.
    pub calendar: Option<Calendar>,
    /// The rows that its expressions speak of, as if they were of a stream: the columns of the
    /// event at which the span counts, those of the other event as `next.column`, and the words.
    pub rows: Stream,
    /// What is made of them. With a calendar, the columns of its key and the beginning of the
    /// period are at the end of the key, and there is one level without a bucket.
    pub rollup: Rollup,
}

impl SpanRollup {
    /// The column that counts the spans, or parts, behind a row; a row without any is removed.
    pub const ROWS: &str = "howdah_rows";
    /// The moment at which a span, or part, counts.
    pub const AT: &str = "howdah_at";
    /// The words beside the columns, with their types.
    pub const WORDS: [(&str, &str); 4] =
        [("seconds", "numeric"), ("begins", "boolean"), ("ends", "boolean"), ("cut", "boolean")];
}

/// A table of periods, such as shifts.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// The table or view.
    pub table: RelName,
    /// The columns that it has in common with the event: tenant first.
    pub by: Vec<Ident>,
    /// The column of the period, a `tstzrange`.
    pub period: Ident,
    /// Its columns that are in the key of the rollup.
    pub key: Vec<KeyColumn>,
}

impl System {
    /// The spans of a stream, with their indexes.
    pub fn spans_of(&self, stream: usize) -> impl Iterator<Item = (usize, &Spans)> {
        self.spans.iter().enumerate().filter(move |(_, spans)| spans.stream == stream)
    }

    /// The rollups of some spans.
    pub fn rollups_of_spans(&self, spans: usize) -> impl Iterator<Item = &SpanRollup> {
        self.span_rollups.iter().filter(move |rollup| rollup.spans == spans)
    }
}
