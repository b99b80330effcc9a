//! Tables that autovacuum has not come to: vacuumed and analyzed, one a step.
//!
//! Autovacuum never analyzes a partitioned table, and a chunk that is filled once and then rests is
//! vacuumed late, so that index-only scans and freezing come late. Both are done here, where they
//! are due by more than autovacuum's own measures.

use howdah_catalog::RelName;
use howdah_error::Result;
use howdah_pg::from_pg;

use super::{Context, Step};

pub(super) async fn step(context: &mut Context<'_>) -> Result<Step> {
    let client = context.client;
    let failed = |error| from_pg("could not look at the statistics of tables", &error);
    let system = context.system;
    let streams: Vec<String> = system.streams.iter().map(|it| it.table.to_string()).collect();
    let levels = system.rollups.iter().flat_map(|it| &it.levels).map(|level| &level.table);
    let derived = system.derived.iter().map(|it| &it.table);
    let rollups: Vec<String> = levels.chain(derived).map(ToString::to_string).collect();
    let rows =
        client.query(include_str!("tables.sql"), &[&streams, &rollups]).await.map_err(failed)?;
    let left = rows.len() as i64;
    let mut due = rows.iter().map(|row| {
        (RelName::new(row.get::<_, &str>(0), row.get::<_, &str>(1)), row.get::<_, bool>(2))
    });
    let Some((name, vacuum)) = due.find(|(name, _)| !context.later.contains_key(name)) else {
        return Ok(Step { backlog: left, ..Step::default() });
    };
    // One that is locked is passed over: nobody waits for it, and it waits for nobody.
    let sql = if vacuum {
        format!("vacuum (analyze, skip_locked) {name}")
    } else {
        format!("analyze (skip_locked) {name}")
    };
    let done = client.batch_execute(&sql).await;
    context.later.insert(name.clone(), String::new());
    done.map_err(|error| from_pg("could not vacuum a table", &error))?;
    let what = if vacuum { "vacuumed and analyzed" } else { "analyzed" };
    Ok(Step::did(format!("{what} {}", name.plain()), left - 1))
}
