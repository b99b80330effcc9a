//! Mending a range of a rollup beside its writers: a look without a lock, then a few rows at a
//! time.

use howdah_error::Result;
use howdah_rollup::lock::AdvisoryLock;
use howdah_rollup::mend;
use howdah_system::{Level, Rollup, Stream};
use tokio_postgres::Client;

use crate::patient;

/// Rows that are mended under one lock: a few tens of milliseconds.
const PAGE_ROWS: i64 = 1_000;
/// Looks at rows that were written meanwhile, before their range is computed under the lock.
const LOOKS: u32 = 4;

/// The level of a rollup that is mended.
pub(crate) struct Mended<'a> {
    /// Of the stream's batches.
    pub(crate) lock: AdvisoryLock,
    /// Where its events are read.
    pub(crate) stream: &'a Stream,
    pub(crate) rollup: &'a Rollup,
    pub(crate) level: &'a Level,
    pub(crate) has_foreign_columns: bool,
}

impl Mended<'_> {
    /// Looks by `statements` and mends what differs, again for what was written meanwhile; `false`:
    /// some rows are written all the time.
    pub(crate) async fn mend(&self, client: &Client, statements: &[String]) -> Result<bool> {
        for _ in 0..LOOKS {
            if self.look_and_mend(client, statements).await? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives how many rows were written between the look and the mending.
    async fn look_and_mend(&self, client: &Client, statements: &[String]) -> Result<i64> {
        let sql =
            format!("set transaction isolation level repeatable read;\n{}", statements.join(";\n"));
        patient::transaction(client, "compare a range", &sql)
            .await
            .map_err(|error| patient::failed("compare a range", &error))?;
        let rows = self.differing(client).await?;
        let lock = self.lock.exclusive();
        for after in (0..rows).step_by(PAGE_ROWS as usize) {
            let page = mend::page(
                self.stream,
                self.rollup,
                self.level,
                (after, after + PAGE_ROWS),
                self.has_foreign_columns,
            );
            let sql = format!("{lock};\n{}", page.join(";\n"));
            patient::gently(client, "mend rows", &sql)
                .await
                .map_err(|error| patient::failed("mend rows of a range", &error))?;
        }
        let left = self.differing(client).await?;
        let drop = format!("drop table {}", mend::DIFFERING);
        client
            .batch_execute(&drop)
            .await
            .map_err(|error| patient::failed("mend rows of a range", &error))?;
        Ok(left)
    }

    async fn differing(&self, client: &Client) -> Result<i64> {
        let sql = format!("select count(*) from {}", mend::DIFFERING);
        let row = client.query_one(&sql, &[]).await;
        Ok(row.map_err(|error| patient::failed("count what differs", &error))?.get(0))
    }
}
