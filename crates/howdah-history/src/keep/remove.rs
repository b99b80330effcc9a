//! Taking a part away: rows and segments in bites, the chunk by being detached and dropped.

use std::time::Duration;

use howdah_catalog::Literal;
use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::Client;

use super::LOCK_WAIT;
use super::part::{Part, tenant_column};
use crate::read_sql::Installed;
use crate::session::{self, is_locked, state};

/// Rows of a bite.
const BITE_ROWS: i64 = 10_000;
/// Segments of a bite: about as many events, where they are a tenant's.
const BITE_SEGMENTS: i64 = 10;
/// Segments of a bite of a whole chunk: a few MB of dead rows.
const BITE_OF_CHUNK: i64 = 1_000;
/// Attempts to get a lock, a quarter of a second apart: about five seconds.
const TRIES: u32 = 15;

/// One transaction, tried a few times when a lock is not to be had at once.
pub(super) async fn patiently<T>(
    client: &Client,
    context: &str,
    work: impl AsyncFn() -> Result<T>,
) -> Result<T> {
    let wait = format!("set local lock_timeout = '{LOCK_WAIT}'");
    let mut left = TRIES;
    loop {
        session::begin_read_committed(client).await?;
        let result = match session::run(client, context, &wait).await {
            Ok(()) => work().await,
            Err(error) => Err(error),
        };
        left -= 1;
        match session::end(client, result).await {
            Err(error) if error.get_code() == Some(Code::LockTimeout) && left > 0 => {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            result => return result,
        }
    }
}

/// Deletes some events of the part; gives how many. Of a whole chunk only segments are deleted.
pub(super) async fn bite(
    client: &Client,
    stream: &Stream,
    layouts: &[Installed],
    part: &Part,
) -> Result<i64> {
    let context = "could not delete events that are no longer kept";
    let whose = part.only(stream, "s");
    let limit = if part.tenant.is_some() { BITE_SEGMENTS } else { BITE_OF_CHUNK };
    let mut statements: Vec<String> = layouts
        .iter()
        .map(|it| {
            format!(
                "with gone as (delete from {table} t using (select s.howdah_id from {table} s \
                 where s.howdah_chunk = {chunk}{whose} limit {limit}) g \
                 where t.howdah_id = g.howdah_id returning t.howdah_rows) \
                 select coalesce(sum(howdah_rows), 0)::bigint from gone",
                table = it.table,
                chunk = Literal(&part.chunk.to_string()),
            )
        })
        .collect();
    if tenant_column(stream, part).is_some() {
        statements.push(format!(
            "with gone as (delete from only {chunk} t using \
             (select s.ctid as at from only {chunk} s where true{whose} limit {BITE_ROWS}) g \
             where t.ctid = g.at returning 1) select count(*) from gone",
            chunk = part.chunk,
        ));
    }
    for sql in &statements {
        let rows: i64 = patiently(client, context, async || {
            session::hold(client).await?;
            let row = client.query_one(sql, &[]).await.map_err(|error| from_pg(context, &error))?;
            Ok(row.get(0))
        })
        .await?;
        if rows > 0 {
            return Ok(rows);
        }
    }
    Ok(0)
}

/// Whether the chunk is attached to the stream, and whether it is on its way out.
async fn attached(client: &Client, stream: &Stream, part: &Part) -> Result<(bool, bool)> {
    let row = client
        .query_opt(
            "select inhdetachpending from pg_catalog.pg_inherits \
             where inhparent = to_regclass($1) and inhrelid = to_regclass($2)",
            &[&stream.table.to_string(), &part.chunk.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not look at a chunk", &error))?;
    Ok(row.map_or((false, false), |row| (true, row.get(0))))
}

/// Detaches the chunk without stopping readers or writers; `false`: it is detached already.
///
/// The server waits for those who read or write the stream at that moment, a little at a time; who
/// comes later does not wait for it.
pub(super) async fn detach(client: &Client, stream: &Stream, part: &Part) -> Result<bool> {
    let context = "could not detach a chunk";
    if !attached(client, stream, part).await?.0 {
        return Ok(false);
    }
    session::hold(client).await?;
    let before = client
        .query_one("select current_setting('lock_timeout')", &[])
        .await
        .map_err(|error| from_pg(context, &error))?;
    let before: String = before.get(0);
    session::run(client, context, &format!("set lock_timeout = '{LOCK_WAIT}'")).await?;
    let result = detach_tried(client, stream, part).await;
    client
        .query_one("select set_config('lock_timeout', $1, false)", &[&before])
        .await
        .map_err(|error| from_pg(context, &error))?;
    result.map(|()| true)
}

async fn detach_tried(client: &Client, stream: &Stream, part: &Part) -> Result<()> {
    let context = "could not detach a chunk";
    for _ in 0..TRIES {
        let (here, pending) = attached(client, stream, part).await?;
        if !here {
            return Ok(());
        }
        let how = if pending { "finalize" } else { "concurrently" };
        let sql = format!("alter table {} detach partition {} {how}", stream.table, part.chunk);
        match client.batch_execute(&sql).await {
            Ok(()) => return Ok(()),
            Err(error) if is_locked(&error) => {}
            // Beside a default partition only the other way is there.
            Err(error) if !pending && state(&error) == Some("55000") => {
                let sql = format!("alter table {} detach partition {}", stream.table, part.chunk);
                match client.batch_execute(&sql).await {
                    Ok(()) => return Ok(()),
                    Err(error) if is_locked(&error) => {}
                    Err(error) => return Err(from_pg(context, &error)),
                }
            }
            Err(error) => return Err(from_pg(context, &error)),
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(Error::new(Kind::Unavailable, context)
        .code(Code::LockTimeout)
        .detail(format!("Somebody reads or writes \"{}\" and does not end.", stream.table.plain()))
        .hint("It is tried again; what was begun is finished then."))
}

/// Drops a whole chunk, and notes that the part is gone.
pub(super) async fn finish(client: &Client, stream: &Stream, part: &Part) -> Result<()> {
    let context = "could not drop a chunk";
    let failed = |error| from_pg(context, &error);
    patiently(client, context, async || {
        session::hold(client).await?;
        if part.tenant.is_none() {
            session::run(client, context, &format!("drop table if exists {}", part.chunk)).await?;
            client
                .execute(
                    "delete from howdah.folded where stream = $1 and chunk = $2",
                    &[&stream.table.to_string(), &part.chunk.to_string()],
                )
                .await
                .map_err(failed)?;
        }
        client
            .execute("update howdah.drops set done_at = now() where id = $1", &[&part.id])
            .await
            .map_err(failed)?;
        Ok(())
    })
    .await
}
