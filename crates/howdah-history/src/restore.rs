//! Putting the events of folded chunks back.

use howdah_error::Result;
use howdah_pg::{failpoint, from_pg};
use howdah_system::Stream;
use tokio_postgres::Client;

use crate::chunks::Chunk;
use crate::fold::{disown, lock_chunk, own};
use crate::{exact, read_sql, session, store};

/// Puts every event of the chunk's segments back into it, in one transaction; gives how many.
pub async fn restore_chunk(client: &Client, stream: &Stream, chunk: &Chunk) -> Result<i64> {
    exact::check_chunk(client, stream, chunk).await?;
    own(client, stream).await?;
    let result = restore_owned(client, stream, chunk).await;
    disown(client, stream).await;
    result
}

async fn restore_owned(client: &Client, stream: &Stream, chunk: &Chunk) -> Result<i64> {
    let columns = store::columns(client, stream).await?;
    let layouts = store::layouts(client, stream).await?;
    session::begin_read_committed(client).await?;
    let result = async {
        lock_chunk(client, chunk).await?;
        session::hold(client).await?;
        let mut rows = 0;
        for it in &layouts {
            let chosen = "s.howdah_chunk = $1";
            let sql = read_sql::put_back(stream, &columns, it, chosen);
            rows += client
                .execute(&sql, &[&chunk.table.to_string()])
                .await
                .map_err(|error| from_pg("could not restore a chunk", &error))?;
        }
        store::forget(client, stream, chunk).await?;
        failpoint::hit("history.restored").await?;
        Ok(i64::try_from(rows).unwrap_or(i64::MAX))
    }
    .await;
    session::end(client, result).await
}
