//! Who owns a shard: taken by a session, kept by a heartbeat, fenced by an epoch.
//!
//! The truth is a row of `howdah.positions`. A lease ends by the database's clock, or at once when
//! the session that holds it is gone; no client's time of day takes part. Whoever takes the shard
//! raises its epoch, and the writer moves a position only under its own epoch, in the transaction
//! of the rows: so an owner that was stopped, cut off or slow cannot write, however late it wakes.
//! (M. Kleppmann, "How to do distributed locking", 2016, calls such a number a fencing token.)

mod keeper;

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{Connection, SeenLease, WatchedLease, end_session, from_pg};

use crate::batch::{Claim, Grant, Mark, Position, ShardId, Term};

pub use keeper::{Held, Keeper};

/// Takes a shard for the session of `connection`; see [`crate::Commit::acquire`].
pub(crate) async fn acquire(
    connection: &Connection,
    shard: &ShardId,
    claim: &Claim,
    watched: &mut Option<WatchedLease>,
) -> Result<Grant> {
    let failed = |error| from_pg("could not acquire a shard", &error);
    let seen = if let Some(seen) = look(connection, shard).await? {
        seen
    } else {
        let insert = "insert into howdah.positions (source, shard) values ($1, $2) \
                      on conflict do nothing";
        connection.execute(insert, &[&shard.source, &shard.shard]).await.map_err(failed)?;
        look(connection, shard).await?.ok_or_else(|| gone(shard))?
    };
    let mut forced = !seen.present;
    if seen.is_owned(&claim.owner) && WatchedLease::overdue(watched, &seen, claim.lease) {
        let ShardId { source, shard } = shard;
        tracing::warn!(source, shard, "the lease outlasts every lease and nobody renews it");
        forced = true;
    } else if seen.is_owned(&claim.owner) {
        let owner = seen.owner.unwrap_or_default();
        return Ok(Grant::Owned { owner, left: seen.left });
    }
    if seen.owner.is_some() && seen.present {
        terminate(connection, shard, &seen).await?;
    }
    let taken = connection
        .query_opt(
            include_str!("lease/take.sql"),
            &[
                &shard.source,
                &shard.shard,
                &claim.owner,
                &claim.lease.as_secs_f64(),
                &seen.epoch,
                &forced,
            ],
        )
        .await
        .map_err(failed)?;
    Ok(match taken {
        Some(row) => Grant::Held(Term {
            epoch: row.get(0),
            position: row.get::<_, Option<String>>(1).map(Position),
            mark: Mark {
                ordinal: row.get::<_, Option<i64>>(2).and_then(|n| u64::try_from(n).ok()),
                incarnation: row.get(3),
                losses: Vec::new(),
            },
        }),
        // Another claimant was faster, or the owner was only slow.
        None => match look(connection, shard).await? {
            Some(now) => Grant::Owned { owner: now.owner.unwrap_or_default(), left: now.left },
            None => return Err(gone(shard)),
        },
    })
}

/// Gives a shard back; nothing happens when it is another's already.
pub(crate) async fn release(connection: &Connection, shard: &ShardId, epoch: i64) -> Result<()> {
    let free = "update howdah.positions set owner = null, lease_until = null, owner_pid = null, \
                owner_start = null where source = $1 and shard = $2 and epoch = $3";
    connection
        .execute(free, &[&shard.source, &shard.shard, &epoch])
        .await
        .map(|_| ())
        .map_err(|error| from_pg("could not release a shard", &error))
}

async fn look(connection: &Connection, shard: &ShardId) -> Result<Option<SeenLease>> {
    let keys: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&shard.source, &shard.shard];
    let row = connection.query_opt(include_str!("lease/look.sql"), &keys).await;
    row.map(|row| row.as_ref().map(SeenLease::of))
        .map_err(|error| from_pg("could not look at the lease of a shard", &error))
}

/// Ends the session of the former owner.
async fn terminate(connection: &Connection, shard: &ShardId, seen: &SeenLease) -> Result<()> {
    let Some(session) = seen.session else { return Ok(()) };
    let (ShardId { source, shard }, pid) = (shard, session.0);
    let held = format!("It held shard \"{shard}\" of source \"{source}\".");
    if end_session(connection, session, &held).await? {
        tracing::info!(source, shard, pid, "ended the session of the former owner");
    } else {
        // The epoch keeps its transaction from committing; its locks last until the server finds
        // it idle or its client gone.
        tracing::warn!(
            source,
            shard,
            pid,
            "this login may not end the session of the former owner, whose locks may hold \
             batches up; grant pg_signal_backend to this login, or run all howdah processes \
             with one login"
        );
    }
    Ok(())
}

fn gone(shard: &ShardId) -> Error {
    Error::new(
        Kind::Unavailable,
        format!(
            "the position of shard \"{}\" of source \"{}\" was deleted",
            shard.shard, shard.source
        ),
    )
    .code(Code::ShardTaken)
}
