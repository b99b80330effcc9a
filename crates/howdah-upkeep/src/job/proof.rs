//! Rollups are held against their streams in the background, a range at a time, round after round.
//!
//! A range is a chunk or a part of one, widened to whole buckets. The proof reads one moment
//! without a lock; batches go on. But it takes a processor, and while it reads nobody's vacuum
//! removes what the rollups' rows were before, so a range holds few events. What came of it is in
//! `howdah.proofs`; what was found wrong is proved again first, so that it is soon known when it
//! was mended. States and derived rollups have no ranges: they are proved as a whole, where their
//! streams are small enough for that.

use std::time::{Duration, Instant};

use howdah_catalog::RelName;
use howdah_error::Result;
use howdah_history::chunks;
use howdah_pg::from_pg;
use howdah_plan::chunk::{self, time_text};
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
/// A range holds about so many events, where the buckets are not wider.
const EVENTS: i64 = 500_000;
/// A bucket with more events than this is left to `howdah verify`.
const MOST_EVENTS: i64 = 20_000_000;
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
    proved.extend(prove_again(context, &targets).await?);
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
        listed.iter().find(|it| it.to_us > from && it.from_us > i64::MIN && it.to_us < i64::MAX);
    let Some(chunk) = next else { return Ok(None) };
    let events = Events::read(context, stream, &listed).await?;
    let (start, end) = events.part(chunk, from.max(chunk.from_us));
    let Some(range) = around(context, stream, rollup, index, (start, end)).await? else {
        return Ok(Some(("nothing".to_owned(), chunk.to_us)));
    };
    // A bucket may be wider than a part or a chunk.
    let next = chunk::parse_time(&range.to).map_or(end, |to| to.max(end));
    let first = chunk::parse_time(&range.from).unwrap_or(start).min(start);
    if events.within(first, next) > MOST_EVENTS {
        return Ok(Some(("nothing".to_owned(), next)));
    }
    prove_range(context, target.table, (rollup, index), &range).await?;
    Ok(Some((text(&range), next)))
}

/// What `howdah.proofs` calls a range.
fn text(range: &Range) -> String {
    format!("{} to {}", range.from, range.to)
}

/// Proves what was found wrong longest ago once more.
async fn prove_again(context: &Context<'_>, targets: &[Target<'_>]) -> Result<Option<String>> {
    let sql = "select relation, failed_range from howdah.proofs where failed_range like '% to %' \
               order by failed_at limit 1";
    let failed = |error| from_pg("could not read the proofs", &error);
    let Some(row) = context.client.query_opt(sql, &[]).await.map_err(failed)? else {
        return Ok(None);
    };
    let (relation, failed): (String, String) = (row.get(0), row.get(1));
    let Some((from, to)) = failed.split_once(" to ") else { return Ok(None) };
    let range = Range { from: from.to_owned(), to: to.to_owned() };
    let target = targets.iter().find(|it| it.table.plain() == relation);
    let Some(Target { table, kind: Kind::Level(rollup, index) }) = target else { return Ok(None) };
    prove_range(context, table, (rollup, *index), &range).await?;
    Ok(Some(format!("{relation} {failed}")))
}

/// Holds a range of a level against its stream, and keeps what was found.
async fn prove_range(
    context: &Context<'_>,
    table: &RelName,
    (rollup, index): (&Rollup, usize),
    range: &Range,
) -> Result<()> {
    let stream = context.system.stream_of(rollup);
    let reading = reading(context.client, stream).await?;
    let proof = recompute::proof(&reading, rollup, index, Some(range));
    let proof = within(&proof, stream, &reading, (&range.from, &range.to));
    let found = verify::difference(context.client, &proof).await?;
    note(context, table, &text(range), found).await
}

/// Where about how many events of a stream are.
struct Events(Vec<(i64, i64, i64)>);

impl Events {
    /// By the counters of the chunks, and what was folded.
    async fn read(
        context: &Context<'_>,
        stream: &Stream,
        chunks: &[chunks::Listed],
    ) -> Result<Self> {
        let failed = |error| from_pg("could not read where the events of a stream are", &error);
        let tables: Vec<String> = chunks.iter().map(|it| it.table.to_string()).collect();
        let sql = "select greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::bigint, 0) \
                   from unnest($1::text[]) with ordinality t (name, place) \
                   join pg_catalog.pg_class c on c.oid = to_regclass(t.name) order by t.place";
        let rows = context.client.query(sql, &[&tables]).await.map_err(failed)?;
        let counted = chunks.iter().zip(rows).map(|(it, row)| (it.from_us, it.to_us, row.get(0)));
        let mut all: Vec<(i64, i64, i64)> = counted.collect();
        let sql = "select from_us, to_us, rows from howdah.folded where stream = $1";
        let rows = context.client.query(sql, &[&stream.table.to_string()]).await.map_err(failed)?;
        all.extend(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))));
        Ok(Self(all))
    }

    /// About how many are between two times, as if they were spread evenly.
    fn within(&self, from: i64, to: i64) -> i64 {
        let share = |(start, end, rows): &(i64, i64, i64)| {
            let both = to.min(*end).saturating_sub(from.max(*start)).max(0);
            (*rows as f64 * both as f64 / end.saturating_sub(*start).max(1) as f64) as i64
        };
        self.0.iter().map(share).sum()
    }

    /// The part of a chunk that holds the time `at`: with few events, and the same one as long as
    /// the chunk has not twice as many.
    fn part(&self, chunk: &chunks::Listed, at: i64) -> (i64, i64) {
        let (mut from, mut to) = (chunk.from_us, chunk.to_us);
        let mut events = self.within(from, to);
        while events > EVENTS && to - from > 1 {
            let middle = from + (to - from) / 2;
            if at < middle {
                to = middle;
            } else {
                from = middle;
            }
            events /= 2;
        }
        (from, to)
    }
}

/// The buckets from one time to another, which is not among them.
async fn around(
    context: &Context<'_>,
    stream: &Stream,
    rollup: &Rollup,
    index: usize,
    (start, end): (i64, i64),
) -> Result<Option<Range>> {
    let text = |us| time_text(us, stream.time_type);
    let last = match stream.time_type {
        howdah_system::TimeType::Date => end - 86_400_000_000,
        _ => end - 1,
    };
    let (first, last) = (text(start), text(last.max(start)));
    let Some(sql) = recompute::around(stream, rollup, &rollup.levels[index], (&first, &last))
    else {
        return Ok(None);
    };
    let row = context
        .client
        .query_one(&sql, &[])
        .await
        .map_err(|error| from_pg("could not cut a chunk into ranges", &error))?;
    Ok(Some(Range { from: row.get(0), to: row.get(1) }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(from_us: i64, to_us: i64) -> chunks::Listed {
        let table = RelName::new("howdah_chunks", "one");
        chunks::Listed { table, from_us, to_us, paged: true, due: false }
    }

    #[test]
    fn a_chunk_of_many_events_is_proved_in_parts() {
        let (small, large) = (chunk(0, 1_000), chunk(1_000, 2_000));
        let events = Events(vec![(0, 1_000, EVENTS), (1_000, 2_000, 3 * EVENTS)]);
        assert_eq!(events.part(&small, 0), (0, 1_000));
        let (mut at, mut parts) = (1_000, Vec::new());
        while at < 2_000 {
            let part = events.part(&large, at);
            parts.push(part);
            at = part.1;
        }
        assert_eq!(parts, [(1_000, 1_250), (1_250, 1_500), (1_500, 1_750), (1_750, 2_000)]);
        assert!(parts.iter().all(|(from, to)| events.within(*from, *to) <= EVENTS));
        // What was folded counts beside what came late.
        let folded = Events(vec![(0, 1_000, 10), (0, 1_000, 4 * EVENTS)]);
        assert_eq!(folded.part(&small, 999), (875, 1_000));
        assert_eq!(events.within(900, 1_100), EVENTS / 10 + 3 * EVENTS / 10);
        assert_eq!(Events(Vec::new()).within(0, i64::MAX), 0);
        // Whatever is counted, a part is not empty.
        assert_eq!(Events(vec![(0, 2, i64::MAX)]).part(&chunk(0, 2), 1), (1, 2));
    }
}
