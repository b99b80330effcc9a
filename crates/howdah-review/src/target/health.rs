//! Reads what the server holds back and counts.

use std::borrow::Cow;

use howdah_catalog::RelName;
use tokio_postgres::Row;

use super::live::{Answers, rows};
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

/// What is asked of a server of that version; the answers are for [`decode`].
pub(super) fn queries(version: i64) -> Vec<(&'static str, Cow<'static, str>)> {
    let checkpoints = if version < 170_000 { CHECKPOINTS_16 } else { CHECKPOINTS };
    let counters = include_str!("live/counters.sql").replace("%CHECKPOINTS%", checkpoints);
    vec![
        ("who holds old transactions", include_str!("live/holders.sql").into()),
        ("upkeep of tables", include_str!("live/upkeep.sql").into()),
        ("refreshes of materialized views", include_str!("live/stale_views.sql").into()),
        ("counters of the server", counters.into()),
        ("limits of logins", include_str!("live/unlimited_logins.sql").into()),
        ("limits of logins", CONNECTION_LIMITS.into()),
        ("what is archived", UNARCHIVED.into()),
        ("extensions and sessions", include_str!("live/rest.sql").into()),
    ]
}

/// What was answered; `here` when the server is on this machine.
pub(super) fn decode(answers: &mut Answers, here: bool) -> Health {
    let mut health = Health {
        holders: rows(answers)
            .iter()
            .map(|row| Holder {
                kind: row.get(0),
                name: row.get(1),
                age: row.get(2),
                since: row.get(3),
            })
            .collect(),
        upkeep: rows(answers)
            .iter()
            .map(|row| {
                let upkeep = Upkeep {
                    changed: row.get(2),
                    vacuumed: row.get(3),
                    unanalyzed_seconds: row.get(4),
                };
                (name(row, 0), upkeep)
            })
            .collect(),
        stale_views: rows(answers)
            .iter()
            .map(|row| StaleView { view: name(row, 0), table: name(row, 2), changed: row.get(4) })
            .collect(),
        counters: counters(&rows(answers)),
        unlimited_logins: rows(answers).iter().map(|row| row.get(0)).collect(),
        connection_limits: rows(answers).iter().map(|row| (row.get(0), row.get(1))).collect(),
        unarchived: rows(answers).first().and_then(|row| row.get(0)),
        ..Health::default()
    };
    for row in &rows(answers) {
        let (kind, first): (&str, String) = (row.get(0), row.get(1));
        match kind {
            "extension" => health.extensions_behind.push((first, row.get(2), row.get(3))),
            _ => health.plain_sessions = first.parse().unwrap_or(0),
        }
    }
    if here {
        health.cores = std::thread::available_parallelism().ok().map(std::num::NonZero::get);
    }
    health
}

fn counters(rows: &[Row]) -> Option<Counters> {
    rows.first().map(|row| Counters {
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
    })
}

fn name(row: &Row, at: usize) -> RelName {
    RelName::new(row.get::<_, String>(at), row.get::<_, String>(at + 1))
}
