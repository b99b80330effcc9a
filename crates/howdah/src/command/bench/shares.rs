//! Where the time of a load goes: which statement each writer's session is at, looked up again and
//! again. A look costs the server a tenth of a millisecond, so a hundred a second change little.

use std::collections::BTreeMap;
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::Connection;
use tokio_util::sync::CancellationToken;

use super::sql_failed;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(10);

/// Sessions of writers that are in a transaction, and are not waiting for another one.
const SESSIONS: &str = "select state, query from pg_stat_activity \
    where application_name like 'howdah run%' and application_name not like '%(lease)' \
    and xact_start is not null and wait_event_type is distinct from 'Lock'";

/// The steps of a batch, by how their statements begin or what they hold; the first that fits.
const STEPS: [(&str, &str, &str); 22] = [
    ("take the locks", "begin", ""),
    ("commit", "commit", ""),
    ("commit", "select pg_xact_status", ""),
    ("copy into staging tables", "copy ", "howdah_stag"),
    ("copy into chunks", "copy ", ""),
    ("look for replaced blocks", "with r as", ""),
    ("look for replaced blocks", "with c (", " select exists"),
    ("register blocks", "with c (", ""),
    ("register blocks", "insert into howdah", ""),
    ("register blocks", "update howdah", ""),
    ("restore suspended events", "with back as", ""),
    ("divert retracted events", "with c as", ""),
    ("insert and fold", "with new as (insert", ""),
    ("fold what was copied", "with new as", ""),
    ("merge folded rows", "with howdah_delta", ""),
    ("look for other content", "select distinct howdah_ord", ""),
    ("sums over states", "with moved as", ""),
    ("statistics", "analyze", ""),
    ("sums over states", "set local", ""),
    ("sums over states", "delete from pg_temp", ""),
    ("compute anew after retraction", "with touched as", ""),
    ("compute anew after retraction", "with taken as", ""),
];
const OTHER: &str = "other statements";
/// The session waits for howdah: rows are decoded, or a statement is on its way.
const IDLE: &str = "waiting for howdah";

/// The part of the time that each step took, the largest first; until `end`.
pub async fn watch(admin: Connection, end: CancellationToken) -> Result<Vec<(String, f64)>> {
    let looking = admin.prepare(SESSIONS).await.map_err(|error| sql_failed(&error))?;
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut tick = tokio::time::interval(LOOK);
    while !end.is_cancelled() {
        tick.tick().await;
        let rows = admin.query(&looking, &[]).await.map_err(|error| sql_failed(&error))?;
        for row in rows {
            let (state, query): (String, String) = (row.get(0), row.get(1));
            *counts.entry(step(&state, &query)).or_default() += 1;
        }
    }
    let all = counts.values().sum::<u64>().max(1) as f64;
    let mut shares: Vec<(String, f64)> =
        counts.into_iter().map(|(step, count)| (step.to_owned(), count as f64 / all)).collect();
    shares.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ok(shares)
}

fn step(state: &str, query: &str) -> &'static str {
    if state != "active" {
        return IDLE;
    }
    let fits = |(_, begins, holds): &&(&str, &str, &str)| {
        query.starts_with(begins) && query.contains(holds)
    };
    STEPS.iter().find(fits).map_or(OTHER, |(step, ..)| *step)
}
