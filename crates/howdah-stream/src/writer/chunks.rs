//! The partitions of a stream: which times they hold, which of them take COPY, and making the chunk
//! that a batch needs.

use std::ops::Range;

use howdah_catalog::{Bound, Ident, Literal, RelName};
use howdah_error::{Error, Result};
use howdah_pg::{Connection, Fault, RetryPolicy, classify, from_pg, parse_bound, retry};
use howdah_plan::chunk::{self, Chunk};
use howdah_system::Stream;
use tokio_postgres::Row;

/// A partition of a stream.
#[derive(Debug)]
pub(super) struct Partition {
    /// The times that it holds.
    range: Range<i64>,
    pub(super) table: RelName,
    /// Whether rows may be copied straight into it.
    pub(super) open: bool,
    /// The columns that it fills in otherwise than the stream does.
    pub(super) differing: Vec<Ident>,
}

/// The partitions of a stream, by the beginning of what they hold.
pub(super) struct Chunks {
    partitions: Vec<Partition>,
}

impl Chunks {
    /// Reads the partitions of the stream.
    pub(super) async fn load(connection: &Connection, stream: &Stream) -> Result<Self> {
        let rows = connection
            .query(include_str!("chunks.sql"), &[&stream.table.to_string()])
            .await
            .map_err(|error| from_pg("could not read the chunks of a stream", &error))?;
        let mut partitions: Vec<Partition> = rows.iter().filter_map(partition).collect();
        partitions.sort_by_key(|partition| partition.range.start);
        Ok(Self { partitions })
    }

    /// Whether a partition holds that time.
    pub(super) fn hold(&self, time_us: i64) -> bool {
        self.holding(time_us).is_some()
    }

    /// The number of the partition that holds that time.
    pub(super) fn holding(&self, time_us: i64) -> Option<usize> {
        // Adopted tables may have a default partition, which covers everything: ranges may overlap,
        // and it comes first.
        let after = self.partitions.partition_point(|p| p.range.start <= time_us);
        self.partitions[..after].iter().rposition(|p| p.range.contains(&time_us))
    }

    /// The partition of that number.
    pub(super) fn get(&self, number: usize) -> &Partition {
        &self.partitions[number]
    }

    /// Makes the chunk that holds `time_us`, in a transaction of its own, waiting for locks as long
    /// as the session's `lock_timeout` and trying again.
    pub(super) async fn make(
        &mut self,
        connection: &Connection,
        stream: &Stream,
        time_us: i64,
    ) -> Result<()> {
        let free = Chunk::holding(stream.chunk, time_us)
            .and_then(|chunk| chunk::free_part(chunk, &self.covered(), time_us))
            .ok_or_else(|| Error::internal("no chunk can hold an accepted time"))?;
        let sql = format!("begin; {}; commit", chunk::create(stream, free).join("; "));
        let made = retry(&RetryPolicy::default(), "make a chunk", async || {
            let made = connection.batch_execute(&sql).await;
            if made.is_err() {
                let _ = connection.batch_execute("rollback").await;
            }
            match made {
                Err(error) if classify(&error) == Fault::Retry => Err(error),
                // A lost connection is for the caller, who has a new one.
                made => Ok(made),
            }
        })
        .await
        .and_then(std::convert::identity);
        let Err(error) = made else {
            let chunk = free.name(stream).name;
            tracing::info!(chunk = chunk.as_str(), stream = stream.name, "made a chunk");
            *self = Self::load(connection, stream).await?;
            return if self.hold(time_us) {
                Ok(())
            } else {
                Err(Error::internal("a chunk was made and is not there"))
            };
        };
        // Who needed it too may have been faster, which shows in one of many errors.
        match Self::load(connection, stream).await {
            Ok(now) if now.hold(time_us) => {
                *self = now;
                Ok(())
            }
            _ => {
                let context =
                    format!("could not make a chunk of {}", Literal(&stream.table.plain()));
                Err(from_pg(&context, &error))
            }
        }
    }

    fn covered(&self) -> Vec<Range<i64>> {
        self.partitions.iter().map(|partition| partition.range.clone()).collect()
    }
}

fn partition(row: &Row) -> Option<Partition> {
    let range = match parse_bound(row.get(0)) {
        Bound::Default => i64::MIN..i64::MAX,
        bound => chunk::range_of(&bound)?,
    };
    let table = RelName::new(row.get::<_, &str>(1), row.get::<_, &str>(2));
    let differing: Vec<&str> = row.get(4);
    let differing = differing.into_iter().map(Ident::new).collect();
    Some(Partition { range, table, open: row.get(3), differing })
}
