//! Dead letters within the transaction: kept with their batch, removed with their replay.

use std::collections::HashSet;

use bytes::Bytes;
use howdah_pg::Connection;

use super::events::{Events, Refused};
use super::failed::{Tried, failed};
use super::sql::SourceSql;
use crate::batch::Batch;

/// Keeps the refusals of a batch: those of decoding, then those of the database, one an event.
pub(super) async fn keep(
    connection: &Connection,
    sql: &SourceSql,
    batch: &Batch,
    events: &Events<'_>,
    refused: &[Refused],
) -> Tried<()> {
    if batch.refusals.is_empty() && refused.is_empty() {
        return Ok(());
    }
    // An event without a route: with several streams it belongs to none.
    let only = match sql.targets.as_slice() {
        [only] => only.stream.name.as_str(),
        _ => "",
    };
    let mut streams: Vec<&str> = Vec::new();
    let mut positions: Vec<&str> = Vec::new();
    let mut codes: Vec<&str> = Vec::new();
    let mut reasons: Vec<&str> = Vec::new();
    let mut payloads: Vec<Bytes> = Vec::new();
    let mut sizes: Vec<i64> = Vec::new();
    for refusal in &batch.refusals {
        let route = refusal.route.and_then(|route| sql.routes.get(route));
        streams.push(route.map_or(only, |route| &sql.targets[route.target].stream.name));
        positions.push(&refusal.position.0);
        codes.push(&refusal.code);
        reasons.push(&refusal.reason);
        payloads.push(refusal.raw.to_bytes());
        sizes.push(i64::try_from(refusal.raw_bytes).unwrap_or(i64::MAX));
    }
    for refused in refused {
        let row = &batch.rows[refused.row];
        streams.push(&sql.targets[events.all[refused.event].target].stream.name);
        positions.push(&row.position.0);
        codes.push(&refused.code);
        reasons.push(&refused.reason);
        payloads.push(row.raw.to_bytes());
        sizes.push(row.raw.len() as i64);
    }
    let payloads: Vec<&[u8]> = payloads.iter().map(|payload| &payload[..]).collect();
    connection
        .execute(
            include_str!("keep_letters.sql"),
            &[
                &batch.shard.source,
                &batch.shard.shard,
                &streams,
                &positions,
                &codes,
                &reasons,
                &payloads,
                &sizes,
            ],
        )
        .await
        .map_err(failed("could not keep dead letters"))?;
    Ok(())
}

/// Locks the letters that are still there.
pub(super) async fn lock(connection: &Connection, ids: &[i64]) -> Tried<HashSet<i64>> {
    let rows = connection
        .query(
            "select id from howdah.dead_letters where id = any ($1) order by id for update",
            &[&ids],
        )
        .await
        .map_err(failed("could not lock dead letters"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Removes the letters that were accepted; the others stay, with the new reason. `refused` speaks
/// of places in `ids`, which has one id an event.
pub(super) async fn settle(connection: &Connection, ids: &[i64], refused: &[Refused]) -> Tried<()> {
    let failed = failed("could not settle dead letters");
    let still: HashSet<usize> = refused.iter().map(|refused| refused.event).collect();
    let accepted: Vec<i64> = ids
        .iter()
        .enumerate()
        .filter(|(place, _)| !still.contains(place))
        .map(|(_, id)| *id)
        .collect();
    connection
        .execute("delete from howdah.dead_letters where id = any ($1)", &[&accepted])
        .await
        .map_err(&failed)?;
    for refused in refused {
        connection
            .execute(
                "update howdah.dead_letters set code = $2, reason = $3 where id = $1",
                &[&ids[refused.event], &refused.code, &refused.reason],
            )
            .await
            .map_err(&failed)?;
    }
    Ok(())
}
