//! What there is of history.

use std::collections::HashMap;

use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::Client;

use crate::chunks::{self, Chunk};
use crate::store;

/// The history of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// Its chunks, oldest first.
    pub chunks: Vec<ChunkState>,
    /// The bytes of its segment tables with their indexes.
    pub segment_bytes: i64,
}

/// A chunk and what is folded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkState {
    /// The chunk.
    pub chunk: Chunk,
    /// Events in segments.
    pub rows: i64,
    /// Segments.
    pub segments: i64,
    /// The bytes of the chunk before its first fold.
    pub bytes_before: i64,
}

impl ChunkState {
    /// Whether the policy wants it folded and rows wait for it.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.chunk.due && self.chunk.filled
    }
}

/// Reads the history of a stream.
pub async fn read(client: &Client, stream: &Stream) -> Result<StreamState> {
    let failed = |error| from_pg("could not read the history of a stream", &error);
    let mut held: HashMap<String, (i64, i64)> = HashMap::new();
    let mut segment_bytes = 0;
    for it in store::layouts(client, stream).await? {
        let sql = format!(
            "select howdah_chunk, sum(howdah_rows)::bigint, count(*) from {} group by 1",
            it.table
        );
        for row in client.query(&sql, &[]).await.map_err(failed)? {
            let entry = held.entry(row.get(0)).or_default();
            entry.0 += row.get::<_, i64>(1);
            entry.1 += row.get::<_, i64>(2);
        }
        let size = client
            .query_one(
                "select pg_total_relation_size($1::text::regclass)",
                &[&it.table.to_string()],
            )
            .await
            .map_err(failed)?;
        segment_bytes += size.get::<_, i64>(0);
    }
    let rows = client
        .query(
            "select chunk, bytes_before from howdah.folded where stream = $1",
            &[&stream.table.to_string()],
        )
        .await
        .map_err(failed)?;
    let before: HashMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let chunks = chunks::read(client, stream).await?.into_iter().map(|chunk| {
        let name = chunk.table.to_string();
        let (rows, segments) = held.get(&name).copied().unwrap_or_default();
        let bytes_before = before.get(&name).copied().unwrap_or_default();
        ChunkState { chunk, rows, segments, bytes_before }
    });
    Ok(StreamState { chunks: chunks.collect(), segment_bytes })
}
