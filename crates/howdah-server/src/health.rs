//! `/livez` and `/readyz`: alive as long as it answers; ready while the database answers and is as
//! this process knows it.

use std::time::{Duration, Instant};

use howdah_error::{Error, Kind, Result};
use howdah_pg::{Pool, from_pg};
use hyper::StatusCode;
use serde::Serialize;
use tokio::sync::Mutex;

use crate::answer::Answer;
use crate::shards::{ShardState, Shards};

/// How old a probe may be: orchestrators ask often, and many at once.
const FRESH: Duration = Duration::from_secs(1);
/// How long a probe may take.
const PROBE: Duration = Duration::from_secs(2);

/// What a probe found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The database answers, under this generation.
    Generation(i64),
    /// It does not.
    Away,
}

/// The last probe, and how to make the next one.
#[derive(Debug)]
pub struct Health {
    pool: Pool,
    generation: i64,
    shards: Shards,
    last: Mutex<Option<(Instant, Found)>>,
}

#[derive(Serialize)]
struct Document<'a> {
    ready: bool,
    database: bool,
    applied: bool,
    draining: bool,
    probe_age_seconds: f64,
    http_sources: &'a [&'a str],
    shards: &'a [ShardState],
}

impl Health {
    /// For a process that knows this generation and runs these shards.
    pub fn new(pool: Pool, generation: i64, shards: Shards) -> Self {
        Self { pool, generation, shards, last: Mutex::new(None) }
    }

    /// Whether requests are welcome, by a probe that is at most a second old.
    pub async fn ready(&self, draining: bool, http_sources: &[&str]) -> Answer {
        let (at, found) = self.probed().await;
        let database = found != Found::Away;
        let applied = found == Found::Generation(self.generation);
        let shards = self.shards.states();
        let known = shards.iter().all(ShardState::is_known);
        let ready = database && applied && known && !draining;
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let document = Document {
            ready,
            database,
            applied,
            draining,
            probe_age_seconds: at.elapsed().as_secs_f64(),
            http_sources,
            shards: &shards,
        };
        Answer::json(status, &document)
    }

    async fn probed(&self) -> (Instant, Found) {
        let mut last = self.last.lock().await;
        if let Some(fresh) = last.filter(|(at, _)| at.elapsed() < FRESH) {
            return fresh;
        }
        let at = Instant::now();
        let found = match tokio::time::timeout(PROBE, self.probe()).await {
            Ok(Ok(generation)) => Found::Generation(generation),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the probe of the database failed");
                Found::Away
            }
            Err(_) => Found::Away,
        };
        *last = Some((at, found));
        (at, found)
    }

    async fn probe(&self) -> Result<i64> {
        let connection = self.pool.get().await?;
        let row = connection.query_opt("select generation from howdah.generation", &[]).await;
        let row = row.map_err(|error| from_pg("could not read the generation", &error))?;
        row.map(|row| row.get(0)).ok_or_else(|| Error::new(Kind::Conflict, "no generation"))
    }
}
