//! What is watched meanwhile: a reader's queries, and whoever waits for a lock.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use howdah_error::Result;
use howdah_pg::{ConnectOptions, Connection, connect};
use tokio_util::sync::CancellationToken;

use super::super::sql_failed;

/// How often it is looked who waits.
const LOOK: Duration = Duration::from_millis(20);

/// What a reader asks, in turn.
const QUERIES: [(&str, &str); 4] = [
    (
        "rows of a key",
        "select count(*), max(temperature) from readings where machine_id = 7 \
      and at >= now() - interval '1 minute'",
    ),
    (
        "history of a key",
        "select avg(temperature) from readings_between(now() - interval '9 hours', \
      now() - interval '8 hours') where machine_id = 11",
    ),
    (
        "rollup of a day",
        "select sum(readings), max(hottest) from machines_1h \
      where bucket >= now() - interval '1 day'",
    ),
    (
        "rollup of a minute",
        "select * from machines_1m where machine_id = 3 \
      and bucket >= now() - interval '5 minutes'",
    ),
];

/// What a reader saw.
#[derive(Debug, Default)]
pub struct Read {
    /// Of each query in turn: its name and milliseconds.
    pub queries: Vec<(&'static str, f64)>,
    /// Queries that failed.
    pub failed: u64,
}

/// Asks until `end`.
pub async fn read(options: &ConnectOptions, end: &CancellationToken) -> Result<Read> {
    let connection = connect(&options.clone().application_name("howdah bench reader")).await?;
    let mut read = Read::default();
    for (name, sql) in QUERIES.iter().cycle() {
        if end.is_cancelled() {
            break;
        }
        let start = Instant::now();
        if let Err(error) = connection.query(*sql, &[]).await {
            tracing::error!(query = name, %error, "a query failed");
            read.failed += 1;
        }
        read.queries.push((name, start.elapsed().as_secs_f64() * 1_000.0));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(read)
}

/// A session that waited for a lock for longer than 100 ms.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Blocked {
    /// Who: the application name.
    who: String,
    /// For how long at least, in milliseconds.
    ms: f64,
    /// For what.
    lock: String,
    /// Who had it.
    holder: String,
}

impl Blocked {
    /// Whether a writer or a reader waited, and not upkeep.
    pub fn is_served(&self) -> bool {
        self.who.starts_with("howdah bench")
    }

    /// For people.
    pub fn line(&self) -> String {
        format!("{} waited {:.0} ms for {} of {}", self.who, self.ms, self.lock, self.holder)
    }
}

/// Looks who waits for a lock until `end`; gives waits of more than 100 ms, and how many deadlocks
/// the server counted meanwhile.
pub async fn locks(admin: &Connection, end: &CancellationToken) -> Result<(Vec<Blocked>, i64)> {
    let before = deadlocks(admin).await?;
    let mut waits: HashMap<(i32, String), Blocked> = HashMap::new();
    let statement =
        admin.prepare(include_str!("locks.sql")).await.map_err(|error| sql_failed(&error))?;
    while !end.is_cancelled() {
        let rows = admin.query(&statement, &[]).await.map_err(|error| sql_failed(&error))?;
        for row in rows {
            let key = (row.get(0), row.get(1));
            let wait = Blocked {
                who: row.get(2),
                ms: row.get(3),
                lock: row.get(4),
                holder: row.get::<_, Option<String>>(5).unwrap_or_default(),
            };
            let known = waits.entry(key).or_insert_with(|| wait.clone());
            known.ms = known.ms.max(wait.ms);
        }
        tokio::time::sleep(LOOK).await;
    }
    let mut waits: Vec<Blocked> = waits.into_values().filter(|wait| wait.ms > 100.0).collect();
    waits.sort_by(|a, b| b.ms.total_cmp(&a.ms));
    Ok((waits, deadlocks(admin).await? - before))
}

async fn deadlocks(admin: &Connection) -> Result<i64> {
    let sql = "select pg_stat_force_next_flush(), (select deadlocks from pg_stat_database \
               where datname = current_database())";
    let row = admin.query_one(sql, &[]).await.map_err(|error| sql_failed(&error))?;
    Ok(row.get(1))
}
