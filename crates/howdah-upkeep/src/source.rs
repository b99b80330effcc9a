//! Where all events of a stream are read: its table, or its history once chunks of it are folded.

use howdah_catalog::Literal;
use howdah_error::Result;
use howdah_pg::from_pg;
use howdah_plan::history;
use howdah_system::Stream;
use tokio_postgres::Client;

/// The stream with its table, or with the view over recent rows and segments in its place: what a
/// rebuild or a proof reads, so that neither takes folded events for lost ones.
pub(crate) async fn reading(client: &Client, stream: &Stream) -> Result<Stream> {
    let failed = |error| from_pg("could not look for the history of a stream", &error);
    let view = history::view(stream);
    let row = client
        .query_one(
            "select to_regclass('howdah.folds') is not null and to_regclass($1) is not null, \
             to_regclass('howdah.horizons') is not null",
            &[&view.to_string()],
        )
        .await
        .map_err(failed)?;
    let mut out = stream.clone();
    // Whatever becomes of the table's name: what is gone of it is noted under its own.
    if row.get(1) {
        out.horizon = Some(stream.table.to_string());
    }
    if row.get(0) {
        let name = stream.table.to_string();
        let folds = "select exists (select from howdah.folds where stream = $1)";
        if client.query_one(folds, &[&name]).await.map_err(failed)?.get(0) {
            out.table = view;
        }
    }
    Ok(out)
}

/// SQL over the events of `reading`, with those of a range of times in place of all: the view of a
/// history finds segments by their keys alone, the function of a range by their times as well.
pub(crate) fn within(
    sql: &str,
    stream: &Stream,
    reading: &Stream,
    (from, to): (&str, &str),
) -> String {
    if reading.table == stream.table {
        return sql.to_owned();
    }
    let range = format!("{}({}, {})", history::between(stream), Literal(from), Literal(to));
    sql.replace(&format!("from {} ", reading.table), &format!("from {range} "))
}
