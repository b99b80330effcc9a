//! Reads what the server holds back and counts.

use howdah_catalog::{Catalog, RelName};
use howdah_error::Result;
use tokio_postgres::Row;

use super::live::Look;
use crate::health::{Counters, Health, Holder, StaleView, Upkeep};

/// Up to version 16 the background writer counts checkpoints.
const CHECKPOINTS_16: &str = "select b.checkpoints_timed as timed, \
     b.checkpoints_req as requested from pg_catalog.pg_stat_bgwriter b";
/// Since version 17 the checkpointer does.
const CHECKPOINTS: &str = "select k.num_timed as timed, k.num_requested as requested \
     from pg_catalog.pg_stat_checkpointer k";

const CONNECTION_LIMITS: &str = "select r.rolname::text, r.rolconnlimit::int8 \
     from pg_catalog.pg_roles r \
     where r.rolcanlogin and r.rolconnlimit > 0 and not r.rolsuper order by 1";

/// The file that could not be archived, unless one was since.
const UNARCHIVED: &str = "select a.last_failed_wal from pg_catalog.pg_stat_archiver a \
     where a.last_failed_time > coalesce(a.last_archived_time, '-infinity')";

/// Reads it, as far as the login may; `here` when the server is on this machine.
pub(super) async fn read(look: &mut Look<'_>, catalog: &Catalog, here: bool) -> Result<Health> {
    let mut health = Health::default();
    let rows = look.rows("who holds old transactions", include_str!("live/holders.sql")).await?;
    health.holders = rows
        .iter()
        .map(|row| Holder {
            kind: row.get(0),
            name: row.get(1),
            age: row.get(2),
            since: row.get(3),
        })
        .collect();
    let rows = look.rows("upkeep of tables", include_str!("live/upkeep.sql")).await?;
    health.upkeep = rows
        .iter()
        .map(|row| {
            let upkeep = Upkeep {
                changed: row.get(2),
                vacuumed: row.get(3),
                unanalyzed_seconds: row.get(4),
            };
            (name(row, 0), upkeep)
        })
        .collect();
    let views = "refreshes of materialized views";
    let rows = look.rows(views, include_str!("live/stale_views.sql")).await?;
    health.stale_views = rows
        .iter()
        .map(|row| StaleView { view: name(row, 0), table: name(row, 2), changed: row.get(4) })
        .collect();
    health.counters = counters(look, catalog).await?;
    let limits = "limits of logins";
    let rows = look.rows(limits, include_str!("live/unlimited_logins.sql")).await?;
    health.unlimited_logins = rows.iter().map(|row| row.get(0)).collect();
    let rows = look.rows(limits, CONNECTION_LIMITS).await?;
    health.connection_limits = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let rows = look.rows("what is archived", UNARCHIVED).await?;
    health.unarchived = rows.first().and_then(|row| row.get(0));
    if here {
        health.cores = std::thread::available_parallelism().ok().map(std::num::NonZero::get);
    }
    Ok(health)
}

async fn counters(look: &mut Look<'_>, catalog: &Catalog) -> Result<Option<Counters>> {
    let checkpoints =
        if catalog.server.version_num < 170_000 { CHECKPOINTS_16 } else { CHECKPOINTS };
    let sql = include_str!("live/counters.sql").replace("%CHECKPOINTS%", checkpoints);
    let rows = look.rows("counters of the server", &sql).await?;
    Ok(rows.first().map(|row| Counters {
        sessions: row.get(0),
        timed_checkpoints: row.get(1),
        requested_checkpoints: row.get(2),
        wal_bytes: row.get(3),
        wal_seconds: row.get(4),
        blocks_read: row.get(5),
        blocks_hit: row.get(6),
        read_ms: row.get(7),
        index_blocks_read: row.get(8),
        commits: row.get(9),
    }))
}

fn name(row: &Row, at: usize) -> RelName {
    RelName::new(row.get::<_, String>(at), row.get::<_, String>(at + 1))
}
