//! Recomputes a rollup from its stream, online and resumably.
//!
//! Range by range. What differs is found without a lock and mended in small transactions that hold
//! the stream's lock exclusively: no batch is under way then. Where that cannot be (states, streams
//! whose events may go again, rows that are written all the time), a range is computed in one such
//! transaction, and batches wait for it.

use howdah_catalog::{Literal, RelName};
use howdah_error::{Code, Error, Result};
use howdah_pg::from_pg;
use howdah_plan::foreign_columns;
use howdah_rollup::derive;
use howdah_rollup::lock::AdvisoryLock;
use howdah_rollup::mend;
use howdah_rollup::recompute::{self, Range};
use howdah_rollup::span;
use howdah_system::{Derived, Level, Rollup, SpanRollup, Stream, System};
use tokio_postgres::Client;

use crate::mend::Mended;
use crate::patient;
use crate::source::reading;

/// A half-open span of time to rebuild, as texts that PostgreSQL takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// From this time on; `None`: from the first event.
    pub from: Option<String>,
    /// Before this time; `None`: to the last event.
    pub to: Option<String>,
}

/// Rebuilds level `index` of the rollup of that name; `tell` hears of each finished range.
///
/// With `asked`, only the buckets that it touches. Without, everything: then progress is kept, and
/// the table is marked ready at the end.
pub async fn rebuild_level(
    client: &Client,
    system: &System,
    name: &str,
    index: usize,
    asked: Option<&Asked>,
    mut tell: impl FnMut(&Range),
) -> Result<()> {
    let rollup = find(system, name)?;
    let stream = &reading(client, system.stream_of(rollup)).await?;
    let level = rollup
        .levels
        .get(index)
        .ok_or_else(|| Error::internal(format!("rollup \"{name}\" has no level {index}")))?;
    let foreign = has_foreign(client, stream, rollup, level).await?;
    let Some(query) = recompute::ranges(stream, rollup, level) else {
        // A state has no ranges.
        let mut statements = recompute::rebuild(stream, rollup, index, None, foreign);
        let dependants = ready_dependants(client, system, name).await?;
        statements.extend(dependants.iter().flat_map(|derived| derive::rebuild(system, derived)));
        let streams = dependants.iter().flat_map(|derived| derive::streams(system, derived));
        let streams: Vec<usize> = streams.chain([rollup.stream]).collect();
        return transaction(client, system, &streams, &statements, &mark_ready(&level.table)).await;
    };
    let streams = [rollup.stream];
    let lock = AdvisoryLock::stream(system.stream_of(rollup));
    let mended = Mended { lock, stream, rollup, level, has_foreign_columns: foreign };
    let beside = can_mend(system, rollup, level, stream);
    let done = progress(client, level).await?;
    if done.is_none()
        && asked.is_none()
        && let Some(comparison) = mend::look_outside(stream, rollup, level, foreign)
    {
        // What is written meanwhile has events by now, and stays.
        mended.mend(client, &comparison).await?;
    }
    let ranges = read_ranges(client, &query, asked, done.as_deref()).await?;
    for range in &ranges {
        let comparison = mend::look(stream, rollup, index, range, foreign);
        let note = if asked.is_some() { String::new() } else { mark_progress(level, range) };
        if !(beside && mended.mend(client, &comparison).await?) {
            let statements = recompute::rebuild(stream, rollup, index, Some(range), foreign);
            transaction(client, system, &streams, &statements, &note).await?;
        } else if asked.is_none() {
            transaction(client, system, &[], &[], &note).await?;
        }
        tell(range);
    }
    if asked.is_none() {
        transaction(client, system, &streams, &[], &mark_ready(&level.table)).await?;
    }
    Ok(())
}

/// Whether the rows of a level can be mended beside writers.
fn can_mend(system: &System, rollup: &Rollup, level: &Level, stream: &Stream) -> bool {
    let of_blocks = system.reorganisations.iter().any(|it| it.of.contains(&rollup.stream));
    !of_blocks && mend::can_mend(stream, rollup, level)
}

/// Recomputes a level of a rollup of spans from its stream, as a whole.
///
/// Batches into the stream wait meanwhile.
pub async fn rebuild_spans(
    client: &Client,
    system: &System,
    rollup: &SpanRollup,
    level: usize,
) -> Result<()> {
    let stream = reading(client, system.stream_of(&rollup.rollup)).await?;
    let statements = span::rebuild(system, rollup, level, &stream);
    let ready = mark_ready(&rollup.rollup.levels[level].table);
    transaction(client, system, &[rollup.rollup.stream], &statements, &ready).await
}

/// Recomputes a derived rollup from its states.
///
/// Batches into any of its streams wait meanwhile.
pub async fn rebuild_derived(client: &Client, system: &System, derived: &Derived) -> Result<()> {
    let streams = derive::streams(system, derived);
    let statements = derive::rebuild(system, derived);
    transaction(client, system, &streams, &statements, &mark_ready(&derived.table)).await
}

/// The derived rollups that read the state of that name and are right now: they follow its rebuild
/// in the same transaction. One that is not right is rebuilt by itself later.
async fn ready_dependants<'a>(
    client: &Client,
    system: &'a System,
    state: &str,
) -> Result<Vec<&'a Derived>> {
    let mut out = Vec::new();
    for derived in &system.derived {
        if !derive::states(derived).any(|read| system.rollups[read].name == state) {
            continue;
        }
        let ready = client
            .query_opt(
                "select from howdah.rollups where relation = $1 and ready",
                &[&derived.table.plain()],
            )
            .await
            .map_err(|error| from_pg("could not read the state of a rollup", &error))?;
        if ready.is_some() {
            out.push(derived);
        }
    }
    Ok(out)
}

/// The rollup of that name.
pub fn find<'a>(system: &'a System, name: &str) -> Result<&'a Rollup> {
    system.rollups.iter().find(|rollup| rollup.name == name).ok_or_else(|| {
        let derived = system.derived.iter().map(|derived| derived.name.as_str());
        let of_spans = system.span_rollups.iter().map(|spans| spans.rollup.name.as_str());
        let rollups = system.rollups.iter().map(|rollup| rollup.name.as_str());
        let known: Vec<&str> = rollups.chain(derived).chain(of_spans).collect();
        Error::input(format!("rollup \"{name}\" does not exist"))
            .code(Code::UnknownName)
            .hint(format!("The system file has: {}.", known.join(", ")))
    })
}

async fn has_foreign(
    client: &Client,
    stream: &Stream,
    rollup: &Rollup,
    level: &Level,
) -> Result<bool> {
    let catalog = howdah_pg::introspect_scope(client, crate::SYSTEM).await?;
    Ok(catalog
        .relation(&level.table)
        .is_some_and(|relation| !foreign_columns(stream, rollup, level, relation).is_empty()))
}

async fn progress(client: &Client, level: &Level) -> Result<Option<String>> {
    let row = client
        .query_opt(
            "select rebuilt_to::text from howdah.rollups where relation = $1 and not ready",
            &[&level.table.plain()],
        )
        .await
        .map_err(|error| from_pg("could not read the progress of a rebuild", &error))?;
    Ok(row.and_then(|row| row.get(0)))
}

async fn read_ranges(
    client: &Client,
    query: &str,
    asked: Option<&Asked>,
    done: Option<&str>,
) -> Result<Vec<Range>> {
    let from = asked.and_then(|asked| asked.from.as_deref());
    let to = asked.and_then(|asked| asked.to.as_deref());
    let sql = format!(
        "select lower_bound, upper_bound from ({query}) r (lower_bound, upper_bound) \
         where ($1::text is null or upper_bound::timestamptz > $1::text::timestamptz) \
         and ($2::text is null or lower_bound::timestamptz < $2::text::timestamptz) \
         and ($3::text is null or lower_bound::timestamptz >= $3::text::timestamptz) \
         order by lower_bound::timestamptz"
    );
    let rows = client.query(&sql, &[&from, &to, &done]).await.map_err(|error| {
        if asked.is_some() && error.code().is_some_and(|state| state.code().starts_with("22")) {
            return Error::input(
                "--from and --to take times, such as 2025-10-17 or 2025-10-17T12:00Z",
            );
        }
        from_pg("could not cut a stream into ranges", &error)
    })?;
    Ok(rows.iter().map(|row| Range { from: row.get(0), to: row.get(1) }).collect())
}

fn mark_progress(level: &Level, range: &Range) -> String {
    format!(
        "update howdah.rollups set rebuilt_to = {} where relation = {} and not ready",
        Literal(&range.to),
        Literal(&level.table.plain())
    )
}

fn mark_ready(table: &RelName) -> String {
    format!(
        "update howdah.rollups set ready = true, rebuilt_to = null where relation = {}",
        Literal(&table.plain())
    )
}

/// One transaction under the locks of the streams, tried again when one is not to be had in time.
async fn transaction(
    client: &Client,
    system: &System,
    streams: &[usize],
    statements: &[String],
    note: &str,
) -> Result<()> {
    let mut locks: Vec<AdvisoryLock> =
        streams.iter().map(|stream| AdvisoryLock::stream(&system.streams[*stream])).collect();
    locks.sort_unstable_by_key(|lock| lock.0);
    locks.dedup();
    let locks: Vec<String> = locks.into_iter().map(AdvisoryLock::exclusive).collect();
    let mut sql = locks.join(";\n");
    for statement in statements.iter().map(String::as_str).chain(Some(note)) {
        if !statement.is_empty() {
            sql.push_str(";\n");
            sql.push_str(statement);
        }
    }
    let what = "rebuild a range";
    patient::gently(client, what, &sql).await.map_err(|error| patient::failed(what, &error))
}
