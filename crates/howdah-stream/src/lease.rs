//! Who owns a shard: taken by a session, kept by a heartbeat, fenced by an epoch.
//!
//! The truth is a row of `howdah.positions`. A lease ends by the database's clock, or at once when
//! the session that holds it is gone; no client's time of day takes part. Whoever takes the shard
//! raises its epoch, and the writer moves a position only under its own epoch, in the transaction
//! of the rows: so an owner that was stopped, cut off or slow cannot write, however late it wakes.
//! (M. Kleppmann, "How to do distributed locking", 2016, calls such a number a fencing token.)

mod keeper;

use std::time::{Duration, Instant, SystemTime};

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{Connection, from_pg};
use tokio_postgres::Row;

use crate::batch::{Claim, Grant, Mark, Position, ShardId, Term};

pub use keeper::{Held, Keeper};

/// How long the session of a former owner may take to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a look at the lease of a shard found.
struct Seen {
    owner: Option<String>,
    epoch: i64,
    session: Option<(i32, SystemTime)>,
    live: bool,
    present: bool,
    left: Duration,
    until: Option<SystemTime>,
}

/// Somebody else's lease as a claimant sees it, again and again.
///
/// A server's clock that is set back makes a lease last as long as the clock lost. So a lease that
/// lasts longer than the claimant's own would, and is not renewed for that long by the claimant's
/// monotonic clock, counts for nothing. (Leader election of Kubernetes observes leases so too.)
#[derive(Debug)]
pub(crate) struct Watched {
    epoch: i64,
    until: Option<SystemTime>,
    since: Instant,
}

impl Watched {
    /// Looks once more: whether the lease is overdue.
    fn overdue(watched: &mut Option<Self>, seen: &Seen, lease: Duration) -> bool {
        match watched {
            Some(known) if known.epoch == seen.epoch && known.until == seen.until => {
                seen.left > lease && known.since.elapsed() > lease
            }
            _ => {
                let (epoch, until) = (seen.epoch, seen.until);
                *watched = Some(Self { epoch, until, since: Instant::now() });
                false
            }
        }
    }
}

impl Seen {
    fn of(row: &Row) -> Self {
        Self {
            owner: row.get(0),
            epoch: row.get(1),
            session: row.get::<_, Option<i32>>(2).zip(row.get(3)),
            live: row.get(4),
            present: row.get(5),
            left: Duration::from_secs_f64(row.get::<_, Option<f64>>(6).unwrap_or_default()),
            until: row.get(7),
        }
    }

    /// Somebody else's lease that still runs, and whose session is there.
    fn is_owned(&self, claimant: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner != claimant) && self.live && self.present
    }
}

/// Takes a shard for the session of `connection`; see [`crate::Commit::acquire`].
pub(crate) async fn acquire(
    connection: &Connection,
    shard: &ShardId,
    claim: &Claim,
    watched: &mut Option<Watched>,
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
    if seen.is_owned(&claim.owner) && Watched::overdue(watched, &seen, claim.lease) {
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

async fn look(connection: &Connection, shard: &ShardId) -> Result<Option<Seen>> {
    let keys: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&shard.source, &shard.shard];
    let row = connection.query_opt(include_str!("lease/look.sql"), &keys).await;
    row.map(|row| row.as_ref().map(Seen::of))
        .map_err(|error| from_pg("could not look at the lease of a shard", &error))
}

/// Ends the session of the former owner, with the transaction and the locks that it may hold.
async fn terminate(connection: &Connection, shard: &ShardId, seen: &Seen) -> Result<()> {
    let Some((pid, start)) = seen.session else { return Ok(()) };
    let wait = GOODBYE.as_millis() as i64;
    let terminate = include_str!("lease/terminate.sql");
    let ShardId { source, shard } = shard;
    match connection.query_opt(terminate, &[&pid, &start, &wait]).await {
        Ok(Some(row)) if !row.get::<_, bool>(0) => {
            Err(Error::new(Kind::Unavailable, format!("backend {pid} does not end"))
                .code(Code::CannotConnect)
                .detail(format!("It held shard \"{shard}\" of source \"{source}\".")))
        }
        Ok(_) => {
            tracing::info!(source, shard, pid, "ended the session of the former owner");
            Ok(())
        }
        // The epoch keeps its transaction from committing; its locks last until the server finds
        // it idle or its client gone.
        Err(error) if error.code().is_some_and(|state| state.code() == "42501") => {
            tracing::warn!(
                source,
                shard,
                pid,
                "this login may not end the session of the former owner, whose locks may hold \
                 batches up; grant pg_signal_backend to this login, or run all howdah processes \
                 with one login"
            );
            Ok(())
        }
        Err(error) => Err(from_pg("could not end the session of the former owner", &error)),
    }
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
