//! Moving the horizon of a stream: from then on its older events are refused.

use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_rollup::lock::AdvisoryLock;
use howdah_system::Stream;
use tokio_postgres::Client;

use super::due::Due;
use super::part::Part;
use super::remove::patiently;
use crate::session;

/// Notes that the part goes, and moves the horizon behind it, when no batch is under way.
pub(super) async fn begin(client: &Client, stream: &Stream, due: &Due) -> Result<Part> {
    let context = "could not move the horizon of a stream";
    let failed = |error| from_pg(context, &error);
    let name = stream.table.to_string();
    let lock = AdvisoryLock::stream(stream).exclusive();
    let id: i64 = patiently(client, context, async || {
        session::run(client, context, &lock).await?;
        session::hold(client).await?;
        client
            .execute(
                "insert into howdah.horizons (stream, tenant, gone_us) values ($1, $2, $3) \
                 on conflict (stream, tenant) do update set moved_at = now(), \
                 gone_us = greatest(horizons.gone_us, excluded.gone_us)",
                &[&name, &due.tenant, &due.to_us],
            )
            .await
            .map_err(failed)?;
        let row = client
            .query_one(
                "insert into howdah.drops (stream, chunk, from_us, to_us, tenant) \
                 values ($1, $2, $3, $4, $5) returning id",
                &[&name, &due.chunk.to_string(), &due.from_us, &due.to_us, &due.tenant],
            )
            .await
            .map_err(failed)?;
        Ok(row.get(0))
    })
    .await?;
    howdah_pg::failpoint::hit("keep.begun").await?;
    Ok(Part {
        id,
        chunk: due.chunk.clone(),
        from_us: due.from_us,
        to_us: due.to_us,
        tenant: due.tenant.clone(),
        events: None,
        archive: None,
    })
}
