//! Sizes of streams, one a day, and what they will be.

use howdah_error::Result;
use howdah_pg::from_pg;

use super::{Context, Step};

/// From how many days of growth a forecast is made, at most.
const DAYS: i32 = 28;

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let client = context.client;
    let failed = |error| from_pg("could not note the sizes of the streams", &error);
    let names: Vec<String> =
        context.system.streams.iter().map(|stream| stream.table.to_string()).collect();
    client.execute(include_str!("sizes.sql"), &[&names]).await.map_err(failed)?;
    let old = "delete from howdah.sizes where day < current_date - 400";
    client.execute(old, &[]).await.map_err(failed)?;
    let forecast = read(client).await?;
    let total: i64 = forecast.iter().map(|it| it.bytes + it.segment_bytes).sum();
    let known: Vec<f64> = forecast.iter().filter_map(|it| it.grows).collect();
    let grows: f64 = known.iter().sum();
    let more = if known.is_empty() { String::new() } else { format!(", {grows:.0} more a day") };
    let mut step = Step::did(format!("{total} bytes{more}"), 0);
    if let Some(disk) = context.config.disk {
        let left = disk as f64 - total as f64;
        if left <= 0.0 {
            step.warnings.push(format!("the streams take {total} bytes of {disk}"));
        } else if grows > 0.0 && left / grows < 30.0 {
            step.warnings.push(format!("{disk} bytes are used up in {:.0} days", left / grows));
        }
    }
    Ok(step)
}

/// The size of a stream and how it grows.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// The stream's table, as SQL names it.
    pub stream: String,
    /// Its chunks with their indexes.
    pub bytes: i64,
    /// Its segments with theirs.
    pub segment_bytes: i64,
    /// How many bytes a day it grows, over up to 28 days; `None`: there is one size alone.
    pub grows: Option<f64>,
}

/// Reads the last sizes and what they were before.
pub async fn read(client: &tokio_postgres::Client) -> Result<Vec<Forecast>> {
    let rows = client
        .query(include_str!("forecast.sql"), &[&DAYS])
        .await
        .map_err(|error| from_pg("could not read the sizes of the streams", &error))?;
    Ok(rows
        .iter()
        .map(|row| Forecast {
            stream: row.get(0),
            bytes: row.get(1),
            segment_bytes: row.get(2),
            grows: row.get(3),
        })
        .collect())
}
