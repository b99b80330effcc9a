//! What sources lost before it was read: kept with the batch that goes beyond it.

use howdah_error::Result;
use howdah_pg::{Connection, from_pg};

use crate::batch::{Batch, Loss};

/// Keeps the losses of `batch` within its transaction.
pub(crate) async fn keep(connection: &Connection, batch: &Batch) -> Result<()> {
    for Loss { kind, after, before, entries, exact } in &batch.mark.losses {
        let entries = i64::try_from(*entries).unwrap_or(i64::MAX);
        let keep = "insert into howdah.losses \
                    (source, shard, kind, after_position, before_position, entries, exact) \
                    values ($1, $2, $3, $4, $5, $6, $7)";
        connection
            .execute(
                keep,
                &[
                    &batch.shard.source,
                    &batch.shard.shard,
                    kind,
                    &after.0,
                    &before.0,
                    &entries,
                    exact,
                ],
            )
            .await
            .map_err(|error| from_pg("could not keep what a source lost", &error))?;
    }
    Ok(())
}
