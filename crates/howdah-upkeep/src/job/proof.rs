//! Rollups are held against their streams in the background, a range at a time, round after round.
//!
//! A range is a chunk, widened to whole buckets. The proof reads one moment without a lock; batches
//! go on. What came of it is in `howdah.proofs`. States and derived rollups have no ranges: they
//! are proved as a whole, where their streams are small enough for that.

use std::time::{Duration, Instant};

use howdah_catalog::{Literal, RelName};
use howdah_error::Result;
use howdah_history::chunks;
use howdah_pg::from_pg;
use howdah_plan::chunk::time_text;
use howdah_rollup::derive;
use howdah_rollup::recompute::{self, Range};
use howdah_system::{Rollup, Stream};

use super::{Context, Job, Step};
use crate::source::{reading, within};
use crate::{record, verify};

/// A step proves ranges for so long, and at least one.
const LONG: Duration = Duration::from_secs(1);
/// And no more than these.
const MOST: usize = 50;
/// A state is proved as a whole when its stream has no more rows than this, by the statistics.
const SMALL: i64 = 2_000_000;

/// One proof: of a table, from a place in its stream on.
struct Target<'c> {
    table: &'c RelName,
    kind: Kind<'c>,
}

enum Kind<'c> {
    /// A level of a rollup, by ranges.
    Level(&'c Rollup, usize),
    /// Proved at once, by this query.
    Whole(String),
}

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let targets = targets(context).await?;
    let start = Instant::now();
    let mut proved = Vec::new();
    let place = record::place(context.client, Job::Proof).await?;
    let mut place = place.map_or((String::new(), i64::MIN), |text| parse(&text));
    let mut looked = 0;
    while proved.len() < MOST && looked <= targets.len() && start.elapsed() < LONG {
        let Some(at) = targets.iter().position(|it| it.table.plain() == place.0) else {
            // The first of all, or one that is gone.
            let Some(first) = targets.first() else { break };
            place = (first.table.plain(), i64::MIN);
            continue;
        };
        let target = &targets[at];
        if let Some((range, next)) = prove(context, target, place.1).await? {
            howdah_pg::failpoint::hit("upkeep.proved").await?;
            proved.push(format!("{} {range}", target.table.plain()));
            place.1 = next;
        } else {
            end_round(context, target.table).await?;
            place = (targets[(at + 1) % targets.len()].table.plain(), i64::MIN);
            looked += 1;
        }
        let text = format!("{} {}", place.1, place.0);
        record::set_place(context.client, Job::Proof, &text).await?;
    }
    let mut step = Step { warnings: warnings(context).await?, ..Step::default() };
    step.did = match proved.as_slice() {
        [] => None,
        [one] => Some(format!("proved {one}")),
        [.., last] => Some(format!("proved {} ranges, the last {last}", proved.len())),
    };
    Ok(step)
}

/// `12345 candles_1h`.
fn parse(place: &str) -> (String, i64) {
    let (from, table) = place.split_once(' ').unwrap_or(("", place));
    (table.to_owned(), from.parse().unwrap_or(i64::MIN))
}

/// What is proved, in turn: tables that are ready.
async fn targets<'c>(context: &Context<'c>) -> Result<Vec<Target<'c>>> {
    let failed = |error| from_pg("could not read which rollups are ready", &error);
    let rows = context
        .client
        .query("select relation from howdah.rollups where ready", &[])
        .await
        .map_err(failed)?;
    let ready: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let system = context.system;
    let mut out = Vec::new();
    for rollup in &system.rollups {
        let stream = system.stream_of(rollup);
        for (index, level) in rollup.levels.iter().enumerate() {
            if level.bucket.is_some() {
                out.push(Target { table: &level.table, kind: Kind::Level(rollup, index) });
            } else if is_small(context, stream).await? {
                let reading = reading(context.client, stream).await?;
                let proof = recompute::proof(&reading, rollup, index, None);
                out.push(Target { table: &level.table, kind: Kind::Whole(proof) });
            }
        }
    }
    for derived in &system.derived {
        let streams = derive::streams(system, derived);
        let mut small = true;
        for stream in streams {
            small &= is_small(context, &system.streams[stream]).await?;
        }
        if small {
            let kind = Kind::Whole(derive::proof(system, derived));
            out.push(Target { table: &derived.table, kind });
        }
    }
    out.retain(|target| ready.contains(&target.table.plain()));
    Ok(out)
}

async fn is_small(context: &Context<'_>, stream: &Stream) -> Result<bool> {
    let sql = "select coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint + coalesce((select \
               sum(rows) from howdah.folded where stream = $1), 0)::bigint \
               from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid \
               where i.inhparent = to_regclass($1)";
    let row = context.client.query_one(sql, &[&stream.table.to_string()]).await;
    let row = row.map_err(|error| from_pg("could not read the size of a stream", &error))?;
    Ok(row.get::<_, i64>(0) <= SMALL)
}

/// Proves the first range that begins at or behind `from`; gives what it was and where the next
/// begins. `None`: there is none.
async fn prove(
    context: &Context<'_>,
    target: &Target<'_>,
    from: i64,
) -> Result<Option<(String, i64)>> {
    let (rollup, index) = match &target.kind {
        Kind::Level(rollup, index) => (*rollup, *index),
        Kind::Whole(_) if from > i64::MIN => return Ok(None),
        Kind::Whole(proof) => {
            let found = verify::difference(context.client, proof).await?;
            note(context, target.table, "as a whole", found).await?;
            return Ok(Some(("as a whole".to_owned(), i64::MAX)));
        }
    };
    let stream = context.system.stream_of(rollup);
    let listed = chunks::list(context.client, stream).await?;
    // An unbounded partition has no range of its own; `howdah verify` proves it.
    let next =
        listed.iter().find(|it| it.from_us >= from && it.from_us > i64::MIN && it.to_us < i64::MAX);
    let Some(chunk) = next else { return Ok(None) };
    let reading = reading(context.client, stream).await?;
    let Some(range) = range(context, stream, &reading, rollup, index, chunk).await? else {
        return Ok(Some(("nothing".to_owned(), chunk.to_us)));
    };
    let proof = recompute::proof(&reading, rollup, index, Some(&range));
    let proof = within(&proof, stream, &reading, (&range.from, &range.to));
    let found = verify::difference(context.client, &proof).await?;
    let text = format!("{} to {}", range.from, range.to);
    note(context, target.table, &text, found).await?;
    Ok(Some((text, chunk.to_us)))
}

/// The buckets that a chunk touches.
async fn range(
    context: &Context<'_>,
    stream: &Stream,
    reading: &Stream,
    rollup: &Rollup,
    index: usize,
    chunk: &chunks::Listed,
) -> Result<Option<Range>> {
    let Some(ranges) = recompute::ranges(reading, rollup, &rollup.levels[index]) else {
        return Ok(None);
    };
    // The ranges of a stream whose first and last events are the ends of the chunk.
    let text = |us| time_text(us, stream.time_type);
    let last = match stream.time_type {
        howdah_system::TimeType::Date => chunk.to_us - 86_400_000_000,
        _ => chunk.to_us - 1,
    };
    let ty = match stream.time_type {
        howdah_system::TimeType::Timestamptz => "timestamptz",
        howdah_system::TimeType::Timestamp => "timestamp",
        howdah_system::TimeType::Date => "date",
    };
    let ends = format!(
        "from (values ({}::{ty}), ({}::{ty})) v ({}) ",
        Literal(&text(chunk.from_us)),
        Literal(&text(last)),
        stream.time
    );
    let sql = ranges.replace(&format!("from {} ", reading.table), &ends);
    let rows = context
        .client
        .query(&sql, &[])
        .await
        .map_err(|error| from_pg("could not cut a chunk into ranges", &error))?;
    let Some((first, last)) = rows.first().zip(rows.last()) else { return Ok(None) };
    Ok(Some(Range { from: first.get(0), to: last.get(1) }))
}

/// Keeps what a proof found.
async fn note(
    context: &Context<'_>,
    table: &RelName,
    range: &str,
    (missing, surplus): (i64, i64),
) -> Result<()> {
    if missing + surplus > 0 {
        tracing::error!(table = table.plain(), range, missing, surplus, "a rollup is not right");
    }
    context
        .client
        .execute(include_str!("proof.sql"), &[&table.plain(), &range, &missing, &surplus])
        .await
        .map(|_| ())
        .map_err(|error| from_pg("could not note a proof", &error))
}

async fn end_round(context: &Context<'_>, table: &RelName) -> Result<()> {
    let sql = "update howdah.proofs set rounds = rounds + 1 where relation = $1";
    let done = context.client.execute(sql, &[&table.plain()]).await;
    done.map(|_| ()).map_err(|error| from_pg("could not note a proof", &error))
}

/// What was found wrong, and is not known to be right again.
async fn warnings(context: &Context<'_>) -> Result<Vec<String>> {
    let rows = context
        .client
        .query(
            "select relation, failed_range, missing, surplus from howdah.proofs \
             where failed_range is not null order by relation",
            &[],
        )
        .await
        .map_err(|error| from_pg("could not read the proofs", &error))?;
    let text = |row: &tokio_postgres::Row| {
        let (relation, range): (&str, &str) = (row.get(0), row.get(1));
        let (missing, surplus): (i64, i64) = (row.get(2), row.get(3));
        format!(
            "{relation} is not right ({range}): {missing} rows are missing, {surplus} are wrong or \
             too many; `howdah verify` shows them, `howdah rebuild` mends them"
        )
    };
    Ok(rows.iter().map(text).collect())
}
