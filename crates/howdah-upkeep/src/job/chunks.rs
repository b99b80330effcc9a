//! Chunks of now, ahead of it, and of the late times that a stream accepts.
//!
//! A writer makes the chunk that it needs by itself; this is for whoever else inserts, and so that
//! no batch has to stop for it.

use std::ops::Range;

use howdah_error::Result;
use howdah_pg::{from_pg, parse_bound};
use howdah_plan::chunk::{self, Chunk};
use howdah_system::{Stream, TimeType};

use super::{Context, Step, transaction};

/// How many chunks back from now there shall be, where late times are accepted: what is later still
/// comes seldom, and a writer makes its chunk.
const MOST_LATE: usize = 31;

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let client = context.client;
    let now = now_us(context).await?;
    let mut made = Vec::new();
    let mut missing = 0;
    let mut held = None;
    for stream in &context.system.streams {
        let covered = covered(context, stream).await?;
        let Some(covered) = covered else { continue };
        let mut wanted = chunk::missing_ahead(stream, &covered, now);
        wanted.extend(late(stream, &covered, now, oldest(context, stream).await?));
        missing += wanted.len() as i64;
        for it in wanted {
            let name = it.name(stream);
            let statements = chunk::create(stream, it);
            match transaction(client, "could not make a chunk", &statements).await {
                Ok(true) => {
                    howdah_pg::failpoint::hit("upkeep.chunk").await?;
                    missing -= 1;
                    made.push(name.name.as_str().to_owned());
                }
                Ok(false) => {
                    held = Some(stream.table.plain());
                    break;
                }
                Err(error) => {
                    // A writer that needed it was faster.
                    let now = self::covered(context, stream).await?.unwrap_or_default();
                    if !now.iter().any(|range| range.contains(&it.from_us)) {
                        return Err(error);
                    }
                    missing -= 1;
                }
            }
        }
    }
    let mut step = Step { backlog: missing, ..Step::default() };
    if !made.is_empty() {
        step.did = Some(format!("made {}", made.join(", ")));
    }
    step.waits = held.map(|table| format!("somebody holds a lock on \"{table}\""));
    Ok(step)
}

/// The database's clock, µs since 2000-01-01 UTC.
async fn now_us(context: &Context<'_>) -> Result<i64> {
    let sql = "select (extract(epoch from now() - timestamptz '2000-01-01 00:00:00+00') \
               * 1000000)::bigint";
    let row = context.client.query_one(sql, &[]).await;
    row.map(|row| row.get(0)).map_err(|error| from_pg("could not read the clock", &error))
}

/// What the partitions of a stream hold, in order; `None`: it is not partitioned (yet).
async fn covered(context: &Context<'_>, stream: &Stream) -> Result<Option<Vec<Range<i64>>>> {
    let rows = context
        .client
        .query(include_str!("chunks.sql"), &[&stream.table.to_string()])
        .await
        .map_err(|error| from_pg("could not read the chunks of a stream", &error))?;
    if rows.is_empty() {
        return Ok(None);
    }
    let bounds = rows.iter().filter_map(|row| row.get::<_, Option<&str>>(0));
    let mut out: Vec<Range<i64>> =
        bounds.filter_map(|bound| chunk::range_of(&parse_bound(bound))).collect();
    out.sort_by_key(|range| range.start);
    Ok(Some(out))
}

/// From when on late events are accepted and kept, µs since 2000-01-01 UTC; `None`: nothing says.
async fn oldest(context: &Context<'_>, stream: &Stream) -> Result<Option<i64>> {
    let Some(past) = stream.accept.past else { return Ok(None) };
    let keep = stream.keep.unwrap_or(past);
    let (past, keep) = (past.to_string(), keep.to_string());
    let row = context
        .client
        .query_one(include_str!("late.sql"), &[&past, &keep, &stream.table.to_string()])
        .await
        .map_err(|error| from_pg("could not read from when on late events are taken", &error))?;
    Ok(Some(row.get(0)))
}

/// The chunks from now back to `oldest` that no partition holds, newest first.
fn late(stream: &Stream, covered: &[Range<i64>], now: i64, oldest: Option<i64>) -> Vec<Chunk> {
    let mut out = Vec::new();
    let Some(oldest) = oldest else { return out };
    let Some(mut before) = Chunk::holding(stream.chunk, now).map(|chunk| chunk.from_us) else {
        return out;
    };
    for _ in 0..MOST_LATE {
        if before <= oldest {
            break;
        }
        let at = before - step_back(stream.time_type);
        if let Some(range) = covered.iter().find(|range| range.contains(&at)) {
            before = range.start;
            continue;
        }
        let Some(whole) = Chunk::holding(stream.chunk, at) else { break };
        let Some(free) = chunk::free_part(whole, covered, at) else { break };
        before = free.from_us;
        out.push(free);
    }
    out
}

/// The smallest step of a time column, in µs.
fn step_back(time_type: TimeType) -> i64 {
    match time_type {
        TimeType::Date => 86_400_000_000,
        TimeType::Timestamptz | TimeType::Timestamp => 1,
    }
}

#[cfg(test)]
mod tests {
    use howdah_catalog::{Ident, RelName};
    use howdah_system::{Accept, Bucket, Span};

    use super::*;

    const DAY: i64 = 86_400_000_000;

    fn stream() -> Stream {
        Stream {
            name: "trades".to_owned(),
            table: RelName::new("public", "trades"),
            time: Ident::new("at"),
            time_type: TimeType::Timestamptz,
            key: Vec::new(),
            order: Vec::new(),
            chunk: Bucket::Day,
            ahead: 3,
            accept: Accept { past: None, future: Span { months: 0, days: 0, seconds: 3600 } },
            keep: None,
            keep_by: None,
            segment: None,
            tenant: None,
            reverses: Vec::new(),
            refuse_conflicts: false,
            retracted: None,
            horizon: None,
            span_key: Vec::new(),
            columns: Vec::new(),
        }
    }

    #[test]
    fn gaps_of_late_times_are_found_newest_first() {
        let covered = [2 * DAY..3 * DAY, 5 * DAY..9 * DAY];
        let found = late(&stream(), &covered, 7 * DAY + 5, Some(DAY + 7));
        let days: Vec<i64> = found.iter().map(|chunk| chunk.from_us / DAY).collect();
        assert_eq!(days, [4, 3, 1]);
        assert_eq!(late(&stream(), &covered, 7 * DAY, None), []);
        let many = late(&stream(), &[], 100 * DAY, Some(0));
        assert_eq!(many.len(), MOST_LATE);
    }

    #[test]
    fn a_chunk_beside_a_partition_of_another_width_is_cut() {
        let partition = 0..4 * DAY + DAY / 2;
        let found = late(&stream(), &[partition], 5 * DAY + 5, Some(0));
        assert_eq!(found, [Chunk { from_us: 4 * DAY + DAY / 2, to_us: 5 * DAY }]);
    }
}
