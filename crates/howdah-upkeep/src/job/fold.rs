//! Folding and merging: the oldest chunk that is due, one at a time.
//!
//! A chunk that was folded before holds rows again when a late event came: its own, and those of
//! the segments that may hold its key. Folding it once more is the merge. It rests for a while
//! first, since late events come together.

use std::collections::HashMap;

use howdah_error::Result;
use howdah_history::chunks::{self, Listed};
use howdah_history::fold_chunk;
use howdah_pg::from_pg;
use howdah_system::Stream;

use super::{Context, Step, transaction, waiting};

/// Which chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that are folded for the first time.
    First,
    /// Those that were folded before.
    Again,
}

pub(super) async fn step(context: &mut Context<'_>, which: Which) -> Result<Step> {
    let system = context.system;
    let mut due: Vec<(&Stream, Listed)> = Vec::new();
    for stream in system.streams.iter().filter(|stream| stream.segment.is_some()) {
        due.extend(of_stream(context, stream, which).await?.into_iter().map(|it| (stream, it)));
    }
    due.sort_by_key(|(_, listed)| listed.from_us);
    let mut left = due.len() as i64;
    let mut waits = None;
    for (stream, listed) in due {
        if let Some(why) = context.later.get(&listed.table) {
            waits.get_or_insert_with(|| why.clone());
            continue;
        }
        let looked = chunks::look(context.client, std::slice::from_ref(&listed)).await?;
        let Some(chunk) = looked.into_iter().find(|chunk| chunk.filled) else {
            // Its rows are folded already; who reads an older moment keeps their pages.
            left -= 1;
            continue;
        };
        if let Some(why) = writer_of(context, &listed).await? {
            context.later.insert(listed.table, why.clone());
            waits.get_or_insert(why);
            continue;
        }
        match fold_chunk(context.client, system, context.catalog, stream, &chunk).await {
            Ok(folded) => {
                howdah_pg::failpoint::hit("upkeep.folded").await?;
                let name = chunk.table.name.as_str();
                let did = format!("{name}: {} events in {}", folded.rows, folded.segments);
                return Ok(Step { waits, ..Step::did(format!("{did} segments"), left - 1) });
            }
            Err(error) => {
                let Some(why) = waiting(&error) else { return Err(error) };
                context.later.insert(listed.table, why.clone());
                waits.get_or_insert(why);
            }
        }
    }
    Ok(Step { backlog: left, waits, ..Step::default() })
}

/// Who writes into a chunk and does not end, before anything is read for nothing; `None`: nobody.
async fn writer_of(context: &Context<'_>, listed: &Listed) -> Result<Option<String>> {
    let lock = format!("lock table only {} in share row exclusive mode", listed.table);
    if transaction(context.client, "could not lock a chunk", &[lock]).await? {
        return Ok(None);
    }
    let row = context
        .client
        .query_one(include_str!("fold.sql"), &[&listed.table.to_string()])
        .await
        .map_err(|error| from_pg("could not look for the writers of a chunk", &error))?;
    let who: Option<String> = row.get(0);
    let who = who.unwrap_or_else(|| "somebody".to_owned());
    Ok(Some(format!("{who} holds a lock on \"{}\"", listed.table.plain())))
}

/// The chunks of a stream that have a page and are due.
async fn of_stream(context: &Context<'_>, stream: &Stream, which: Which) -> Result<Vec<Listed>> {
    let rows = context
        .client
        .query(
            "select chunk, folded_at < now() - make_interval(secs => $2) from howdah.folded \
             where stream = $1 and folded_at is not null",
            &[&stream.table.to_string(), &context.config.merge_after.as_secs_f64()],
        )
        .await
        .map_err(|error| from_pg("could not read which chunks are folded", &error))?;
    let folded: HashMap<String, bool> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let chosen = |it: &Listed| match (which, folded.get(&it.table.to_string())) {
        (Which::First, rested) => rested.is_none(),
        (Which::Again, rested) => rested == Some(&true),
    };
    let listed = chunks::list(context.client, stream).await?;
    Ok(listed.into_iter().filter(|it| it.due && it.paged && chosen(it)).collect())
}
