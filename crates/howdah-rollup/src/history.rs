//! The names of what a stream with segments has beside it, and the relation of all its events.

use howdah_catalog::name::fitting;
use howdah_catalog::{Ident, RelName};
use howdah_system::Stream;

/// The schema of chunks, and of what only the owner calls.
pub const CHUNK_SCHEMA: &str = "howdah_chunks";

/// The view over recent rows and segments: `trades_history`.
#[must_use]
pub fn view(stream: &Stream) -> RelName {
    beside(stream, "history")
}

/// The function that reads a range of times of both: `trades_between`.
#[must_use]
pub fn between(stream: &Stream) -> RelName {
    beside(stream, "between")
}

/// The segment table of a layout: `trades_segments_1`.
#[must_use]
pub fn segments(stream: &Stream, layout: i32) -> RelName {
    beside(stream, &format!("segments_{layout}"))
}

/// The function that puts those events back into their chunks that a late event may repeat; for
/// the owner alone.
#[must_use]
pub fn thaw(stream: &Stream) -> RelName {
    hidden(stream, "thaw")
}

/// The function that puts the events of ranges of blocks back; for the owner alone.
#[must_use]
pub fn thaw_blocks(stream: &Stream) -> RelName {
    hidden(stream, "thaw_blocks")
}

/// The function that keeps folds away from all chunks for the rest of a transaction, where there
/// are folded ones; for the owner alone.
#[must_use]
pub fn hold(stream: &Stream) -> RelName {
    hidden(stream, "hold")
}

fn hidden(stream: &Stream, suffix: &str) -> RelName {
    let base = stream.table.plain().replace('.', "_");
    RelName { schema: Ident::new(CHUNK_SCHEMA), name: fitting(&base, suffix) }
}

/// For each row `outer` of what comes before it in a `from` clause, those events of the stream,
/// folded ones too, for which `condition` holds over a row `h`; as an item named `alias`.
///
/// The relation is asked anew for each outer row, so that its columns find segments and indexes.
#[must_use]
pub(crate) fn lateral(stream: &Stream, condition: &str, alias: &str) -> String {
    let (view, condition) = (view(stream), if condition.is_empty() { "true" } else { condition });
    format!("lateral (select h.* from {view} h where {condition} offset 0) {alias}")
}

/// The same, of the times from `from` on and before `to`.
#[must_use]
pub(crate) fn lateral_between(
    stream: &Stream,
    (from, to): (&str, &str),
    condition: &str,
    alias: &str,
) -> String {
    let (between, condition) =
        (between(stream), if condition.is_empty() { "true" } else { condition });
    format!(
        "lateral (select h.* from {between}({from}, {to}) h where {condition} offset 0) {alias}"
    )
}

/// The names of the columns that a segment keeps plain: the tenant, then those of `by`, but the
/// time.
#[must_use]
pub fn plain(stream: &Stream) -> Vec<String> {
    let by = stream.segment.as_ref().map_or(&[][..], |segment| &segment.by);
    let mut out: Vec<String> = Vec::new();
    for column in stream.tenant.iter().chain(by) {
        let known = out.iter().any(|name| name == column.as_str());
        if !known && *column != stream.time {
            out.push(column.as_str().to_owned());
        }
    }
    out
}

fn beside(stream: &Stream, suffix: &str) -> RelName {
    RelName {
        schema: stream.table.schema.clone(),
        name: fitting(stream.table.name.as_str(), suffix),
    }
}
