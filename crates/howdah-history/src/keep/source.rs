//! The events of a part, wherever they are: in the chunk and in segments.

use howdah_catalog::{Literal, name};
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::Client;

use super::part::Part;
use crate::code::Column;
use crate::{read_sql, session, store};

/// A relation of the events of a part.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its columns: the stream's, in their order.
    pub columns: Vec<Column>,
    rows: String,
}

/// Begins a transaction that reads one moment, with texts that mean the same to everybody.
pub async fn begin_reading(client: &Client) -> Result<()> {
    session::begin(client).await
}

impl Source {
    /// That of `part`.
    pub async fn of(client: &Client, stream: &Stream, part: &Part) -> Result<Self> {
        let columns = store::columns(client, stream).await?;
        let list = name::list(columns.iter().map(Column::ident));
        let mut arms = vec![format!(
            "select {list} from only {} c where true{}",
            part.chunk,
            part.only(stream, "c")
        )];
        for it in store::layouts(client, stream).await? {
            let chosen = format!(
                "(select * from {} s where s.howdah_chunk = {}{})",
                it.table,
                Literal(&part.chunk.to_string()),
                part.only(stream, "s")
            );
            arms.push(read_sql::events(&it, &columns, &chosen));
        }
        let rows = format!("({}) r ({list})", arms.join(" union all "));
        Ok(Self { columns, rows })
    }

    /// The query for expressions over its rows `r`.
    #[must_use]
    pub fn sql(&self, values: &[String]) -> String {
        format!("select {} from {}", name::list(values), self.rows)
    }

    /// The sum of the hashes of all rows, as the server computes them of their texts.
    pub async fn row_hashes(&self, client: &Client) -> Result<String> {
        let list = name::list(self.columns.iter().map(|column| format!("r.{}", column.ident())));
        let hashes = hashes(&list);
        let row = client
            .query_one(&self.sql(&[hashes]), &[])
            .await
            .map_err(|error| from_pg("could not hash the events of a chunk", &error))?;
        Ok(row.get(0))
    }
}

/// The sum of the hashes of rows of these columns, as text.
#[must_use]
pub fn hashes(list: &str) -> String {
    format!("coalesce(sum(hashtextextended(row({list})::text, 0)::numeric), 0)::text")
}
