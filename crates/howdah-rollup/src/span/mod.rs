//! Rollups of spans: of the times from each event of a key to the next one.
//!
//! A batch notes which events came and which went ([`came`], [`went`]). When all its rows are in
//! the streams, [`follow`] finds their neighbours, as they were and as they are now
//! ([`mod@pairs`]): the spans that are no more count with sign -1, those that are new with sign 1,
//! and what they give is added to each rollup ([`mod@kept`]). So a late event takes back the span
//! that it splits and adds its two parts, in its own transaction, and nothing depends on how events
//! were cut into batches or in which order they came.
//!
//! Neighbours are looked for under [`AdvisoryLock::spans`]: of two batches into one stream the
//! second sees all that the first has committed.
//!
//! [`AdvisoryLock::spans`]: crate::lock::AdvisoryLock::spans

use howdah_catalog::{Ident, RelName, name};
use howdah_system::{Spans, Stream, StreamColumn, System};

use crate::derive;

mod kept;
mod pairs;
mod rows;

pub use kept::{definition, differing_keys, proof, rebuild, shape};
pub use pairs::History;

/// Whether an event came, else it went.
const CAME: &str = "howdah_came";
/// The order of coming and going.
const NO: &str = "howdah_no";
/// 1 for a span that is there, -1 for one that is no more.
const SIGN: &str = "howdah_sign";

/// The temporary table of the events that came and went in this transaction.
fn moved(stream: &Stream) -> RelName {
    RelName { schema: Ident::new("pg_temp"), name: name::fitting("howdah_moved", &stream.name) }
}

/// The columns of [`moved`]: what finds an event, and all of it where it may be gone.
fn kept_of_moved(stream: &Stream) -> Vec<&Ident> {
    if stream.retracted.is_some() {
        return stream.columns.iter().map(|column| &column.name).collect();
    }
    stream.span_key.iter().collect()
}

/// A column of a temporary table that is compared with those of the stream.
fn temporary_column(name: impl std::fmt::Display, column: &StreamColumn) -> String {
    let collate =
        column.collation.as_ref().map(|name| format!(" collate {name}")).unwrap_or_default();
    format!("{name} {}{collate}", column.type_name)
}

/// The statements that make the temporary tables of a stream with spans.
#[must_use]
pub fn temporary_tables(system: &System, stream: usize) -> Vec<String> {
    let of = &system.streams[stream];
    if of.span_key.is_empty() {
        return Vec::new();
    }
    let columns = kept_of_moved(of).into_iter().filter_map(|name| of.column(name));
    let columns = columns.map(|column| temporary_column(&column.name, column));
    let moved = format!(
        "create temporary table if not exists {} ({}, {CAME} boolean not null, \
         {NO} bigint generated always as identity) on commit delete rows",
        moved(of).name,
        name::list(columns)
    );
    let pairs = system.spans_of(stream).map(|(index, _)| pairs::create(system, index));
    std::iter::once(moved).chain(pairs).collect()
}

/// The CTE that notes the events of the relation `new` as come. `None`: nobody asks.
pub(crate) fn came(stream: &Stream, new: &str) -> Option<String> {
    let list = name::list(&stream.span_key);
    (!stream.span_key.is_empty()).then(|| {
        format!(
            "howdah_moves as (insert into {} ({list}, {CAME}) select {list}, true from {new})",
            moved(stream)
        )
    })
}

/// The CTE that notes the events of the relation `taken` (whole rows) as gone.
pub(crate) fn went(stream: &Stream, taken: &str) -> Option<String> {
    let list = name::list(kept_of_moved(stream));
    (!stream.span_key.is_empty()).then(|| {
        format!(
            "howdah_moves as (insert into {} ({list}, {CAME}) select {list}, false from {taken})",
            moved(stream)
        )
    })
}

/// The query whether any event of a stream with spans came or went in this transaction.
#[must_use]
pub fn has_moved(stream: &Stream) -> String {
    format!("select exists (select from {})", moved(stream))
}

/// What brings the rollups of a stream's spans after a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Following {
    /// The lock to be had first.
    pub lock: String,
    /// To be run then, as one text: how the neighbours are to be looked for.
    pub before_pairs: String,
    /// The spans that are no more, and those that are new; each may be prepared. They take no
    /// parameters and give no rows.
    pub pairs: Vec<String>,
    /// The same where events of the stream may be in segments.
    pub pairs_in_history: Vec<String>,
    /// To be run then, as one text.
    pub before_rollups: String,
    /// Each of the rollups; to be prepared.
    pub rollups: Vec<String>,
    /// At last this, as one text: the temporary tables are empty again.
    pub after: String,
}

/// What brings all rollups of the spans of `stream` (an index) after a batch; to be run when all
/// its rows are in the stream. `history` is the view over recent and folded events. `None`: there
/// are none.
#[must_use]
pub fn follow(system: &System, stream: usize, history: &History) -> Option<Following> {
    let of = &system.streams[stream];
    if of.span_key.is_empty() {
        return None;
    }
    let spans = || system.spans_of(stream);
    let text = |history: Option<&History>| -> Vec<String> {
        spans().map(|(index, _)| pairs::changed(system, index, history)).collect()
    };
    let rollups = spans().flat_map(|(index, _)| {
        system.rollups_of_spans(index).map(|rollup| kept::apply(system, rollup))
    });
    let emptied = spans().map(|(_, spans)| format!("delete from {}", pairs::table(spans)));
    let emptied = emptied.chain([format!("delete from {}", moved(of))]);
    Some(Following {
        lock: crate::lock::AdvisoryLock::spans(of).exclusive(),
        before_pairs: pairs::PLAN.to_owned(),
        pairs: text(None),
        pairs_in_history: if of.segment.is_some() { text(Some(history)) } else { text(None) },
        before_rollups: format!("{}; {}", pairs::PLAN_FREELY, derive::plan_by_key()),
        rollups: rollups.collect(),
        after: format!("{}; {}", emptied.collect::<Vec<_>>().join("; "), derive::plan_freely()),
    })
}

/// The columns by which the neighbours of an event are found: an index begins with them.
#[must_use]
pub fn index(stream: &Stream, spans: &Spans) -> Option<Vec<Ident>> {
    let time = (!spans.by.contains(&stream.time)).then(|| stream.time.clone());
    (!spans.alone).then(|| spans.by.iter().cloned().chain(time).collect())
}
