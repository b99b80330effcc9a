//! What retention took: which rows of a rollup can still be told from the events of their stream.
//!
//! A row that reaches before the horizon stays as it is: neither rebuilt nor proved, since its
//! events are gone. Late events still add to it, exactly, as to every other row.

use howdah_catalog::Literal;
use howdah_system::{Level, Rollup, Stream, TimeType};

use crate::bucket::bucket_sql;
use crate::retract::gone;
use crate::table::BUCKET;

/// The condition that all events of the row `row` of a level are in the stream; `None`: nothing can
/// be gone.
#[must_use]
pub fn is_whole(stream: &Stream, level: &Level, row: &str) -> Option<String> {
    let name = stream.horizon.as_ref()?;
    let bucket = level.bucket.map(|_| format!("{row}.{BUCKET}"));
    Some(format!("not exists ({})", reaching(stream, name, row, bucket.as_deref())))
}

/// The same of a row of spans, into which those may reach that began so many seconds before its
/// bucket; `None`: they may have begun at any time.
///
/// A span that is counted at its end, and whose key had no event for longer than that, may count in
/// a later row.
pub(crate) fn is_whole_of_spans(stream: &Stream, row: &str, reach: Option<u32>) -> Option<String> {
    let name = stream.horizon.as_ref()?;
    let begins = reach.map(|reach| format!("{row}.{BUCKET} - interval '{reach} seconds'"));
    Some(format!("not exists ({})", reaching(stream, name, row, begins.as_deref())))
}

/// The query for the horizons that the row `row` reaches before; `begins` is where it begins, and
/// `None`: at the first event.
fn reaching(stream: &Stream, name: &str, row: &str, begins: Option<&str>) -> String {
    let tenant = stream
        .tenant
        .as_ref()
        .map(|tenant| format!(" and (h.tenant is null or h.tenant = {row}.{tenant}::text)"))
        .unwrap_or_default();
    let before = begins.map(|begins| match stream.time_type {
        TimeType::Timestamptz => format!(
            " and {begins} < timestamptz '2000-01-01 00:00:00+00' \
             + h.gone_us * interval '1 microsecond'"
        ),
        TimeType::Timestamp | TimeType::Date => format!(
            " and {begins}::timestamp < timestamp '2000-01-01 00:00:00' \
             + h.gone_us * interval '1 microsecond'"
        ),
    });
    format!(
        "select from howdah.horizons h where h.stream = {}{tenant}{}",
        Literal(name),
        before.unwrap_or_default()
    )
}

/// The query whether an event of [`gone`] counts in a row that reaches before the horizon: that row
/// cannot be computed anew. `name` is the stream's in `howdah.horizons`.
#[must_use]
pub fn reaches_back(stream: &Stream, rollups: &[&Rollup], name: &str) -> Option<String> {
    let levels = rollups.iter().flat_map(|rollup| rollup.levels.iter().map(move |l| (rollup, l)));
    let mut conditions: Vec<String> = levels
        .map(|(rollup, level)| {
            let time = format!("g.{}", stream.time);
            let begins = level
                .bucket
                .map(|width| bucket_sql(width, &time, stream.time_type, &rollup.timezone));
            format!("exists ({})", reaching(stream, name, "g", begins.as_deref()))
        })
        .collect();
    conditions.dedup();
    (!conditions.is_empty()).then(|| {
        format!("select exists (select from {} g where {})", gone(stream), conditions.join(" or "))
    })
}
