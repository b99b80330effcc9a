//! A part that retention takes: what `howdah.drops` knows of it.

use howdah_catalog::{Ident, Literal, RelName};
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_system::Stream;
use tokio_postgres::{Client, Row};

use crate::read_sql::Installed;
use crate::session;

/// A chunk that goes, or the rows of one tenant in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its row in `howdah.drops`.
    pub id: i64,
    /// The chunk.
    pub chunk: RelName,
    /// The times that it holds: µs since 2000-01-01 UTC.
    pub from_us: i64,
    /// Exclusive.
    pub to_us: i64,
    /// Whose rows; `None`: all, and the chunk with them.
    pub tenant: Option<String>,
    /// How many events it has, or had before the first of them went.
    pub events: Option<i64>,
    /// Where they are exported.
    pub archive: Option<String>,
}

/// The columns of `howdah.drops` that [`Part::of`] reads.
const COLUMNS: &str = "id, chunk, from_us, to_us, tenant, events, archive, \
                       (parse_ident(chunk))[1], (parse_ident(chunk))[2]";

impl Part {
    fn of(row: &Row) -> Self {
        Self {
            id: row.get(0),
            chunk: RelName::new(row.get::<_, &str>(7), row.get::<_, &str>(8)),
            from_us: row.get(2),
            to_us: row.get(3),
            tenant: row.get(4),
            events: row.get(5),
            archive: row.get(6),
        }
    }

    /// What people call it. A tenant's name is a value: it is not told.
    pub(super) fn title(&self) -> String {
        let whose = if self.tenant.is_some() { "a tenant in " } else { "" };
        format!("{whose}{}", self.chunk.name.as_str())
    }

    /// The condition on rows `alias`, with ` and ` in front, that they are the tenant's.
    pub(super) fn only(&self, stream: &Stream, alias: &str) -> String {
        match (&self.tenant, &stream.tenant) {
            (Some(tenant), Some(column)) => {
                let found = stream.column(column);
                let type_name = found.map_or("text", |found| found.type_name.as_str());
                format!(" and {alias}.{column} = {}::{type_name}", Literal(tenant))
            }
            _ => String::new(),
        }
    }

    /// How many events it has; noted before the first of them goes.
    pub(super) async fn count(
        &mut self,
        client: &Client,
        stream: &Stream,
        layouts: &[Installed],
    ) -> Result<i64> {
        if let Some(events) = self.events {
            return Ok(events);
        }
        let failed = |error| from_pg("could not count the events of a chunk", &error);
        let mut sums = vec![format!(
            "(select count(*) from only {} c where true{})",
            self.chunk,
            self.only(stream, "c")
        )];
        sums.extend(layouts.iter().map(|it| {
            format!(
                "coalesce((select sum(s.howdah_rows) from {} s where s.howdah_chunk = {}{}), 0)",
                it.table,
                Literal(&self.chunk.to_string()),
                self.only(stream, "s")
            )
        }));
        session::begin_read_committed(client).await?;
        let sql = format!("select ({})::bigint", sums.join(" + "));
        let counted = async {
            let events: i64 = client.query_one(&sql, &[]).await.map_err(failed)?.get(0);
            client
                .execute("update howdah.drops set events = $2 where id = $1", &[&self.id, &events])
                .await
                .map_err(failed)?;
            Ok(events)
        }
        .await;
        let events = session::end(client, counted).await?;
        self.events = Some(events);
        Ok(events)
    }

    pub(super) async fn note_archive(&mut self, client: &Client, place: &str) -> Result<()> {
        client
            .execute("update howdah.drops set archive = $2 where id = $1", &[&self.id, &place])
            .await
            .map_err(|error| from_pg("could not note an export", &error))?;
        self.archive = Some(place.to_owned());
        Ok(())
    }
}

/// The part that a step before has begun and not finished.
pub(super) async fn begun(client: &Client, stream: &Stream) -> Result<Option<Part>> {
    let sql = format!(
        "select {COLUMNS} from howdah.drops where stream = $1 and done_at is null \
         order by id limit 1"
    );
    let row = client
        .query_opt(&sql, &[&stream.table.to_string()])
        .await
        .map_err(|error| from_pg("could not read what retention has begun", &error))?;
    Ok(row.as_ref().map(Part::of))
}

/// The finished parts of a stream, oldest first.
pub async fn finished(client: &Client, stream: &Stream) -> Result<Vec<Part>> {
    let sql = format!(
        "select {COLUMNS} from howdah.drops where stream = $1 and done_at is not null \
         and restored_at is null order by from_us, id"
    );
    let rows = client
        .query(&sql, &[&stream.table.to_string()])
        .await
        .map_err(|error| from_pg("could not read what retention took", &error))?;
    Ok(rows.iter().map(Part::of).collect())
}

/// What was brought back and has stayed as long as it may goes again.
pub(super) async fn end_visits(client: &Client, stream: &Stream) -> Result<()> {
    client
        .execute(
            "update howdah.drops set restored_at = null, done_at = null, kept_until = null \
             where stream = $1 and kept_until <= now()",
            &[&stream.table.to_string()],
        )
        .await
        .map_err(|error| from_pg("could not end what was brought back", &error))?;
    Ok(())
}

/// The tenant column, where a part is a tenant's.
pub(super) fn tenant_column<'a>(stream: &'a Stream, part: &Part) -> Option<&'a Ident> {
    stream.tenant.as_ref().filter(|_| part.tenant.is_some())
}
