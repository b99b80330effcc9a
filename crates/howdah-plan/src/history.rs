//! What a stream with segments has beside it, by name, and which columns stay plain.

use howdah_catalog::name::fitting;
use howdah_catalog::{Ident, RelName};
use howdah_system::Stream;

use crate::chunk::CHUNK_SCHEMA;

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
    let base = stream.table.plain().replace('.', "_");
    RelName { schema: Ident::new(CHUNK_SCHEMA), name: fitting(&base, "thaw") }
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
