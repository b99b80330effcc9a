//! A lease that a row of the database holds, as a claimant sees it.
//!
//! Shards of sources and the upkeep have such rows. A lease ends by the database's clock, or at
//! once when the session that holds it is gone; the epoch that each change of owner raises is the
//! fence.

use std::time::{Duration, Instant, SystemTime};

use howdah_error::{Code, Error, Kind, Result};
use tokio_postgres::Row;

use crate::{Connection, from_pg};

/// How long the session of a former owner may take to end.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a look at a lease found.
#[derive(Debug)]
pub struct SeenLease {
    /// Who has it; `None`: nobody.
    pub owner: Option<String>,
    /// How often the owner has changed.
    pub epoch: i64,
    /// The session of the owner: its backend, and when that started.
    pub session: Option<(i32, SystemTime)>,
    /// Whether it still runs, by the database's clock.
    pub live: bool,
    /// Whether the session of the owner is still there.
    pub present: bool,
    /// How long it still runs.
    pub left: Duration,
    until: Option<SystemTime>,
}

impl SeenLease {
    /// Of a row with owner, epoch, pid and start of the session, live, present, seconds left, and
    /// the end of the lease.
    #[must_use]
    pub fn of(row: &Row) -> Self {
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
    #[must_use]
    pub fn is_owned(&self, claimant: &str) -> bool {
        self.owner.as_ref().is_some_and(|owner| owner != claimant) && self.live && self.present
    }
}

/// Somebody else's lease as a claimant sees it, again and again.
///
/// A server's clock that is set back makes a lease last as long as the clock lost. So a lease that
/// lasts longer than the claimant's own would, and is not renewed for that long by the claimant's
/// monotonic clock, counts for nothing. (Leader election of Kubernetes observes leases so too.)
#[derive(Debug)]
pub struct WatchedLease {
    epoch: i64,
    until: Option<SystemTime>,
    since: Instant,
}

impl WatchedLease {
    /// Looks once more: whether the lease is overdue.
    pub fn overdue(watched: &mut Option<Self>, seen: &SeenLease, lease: Duration) -> bool {
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

/// Ends the session of a former owner, with the transaction and the locks that it may hold; `held`
/// is the sentence that tells what it had. Gives whether it is gone: `false` when this login may
/// not end it.
pub async fn end_session(
    connection: &Connection,
    (pid, start): (i32, SystemTime),
    held: &str,
) -> Result<bool> {
    let wait = GOODBYE.as_millis() as i64;
    match connection.query_opt(include_str!("lease/terminate.sql"), &[&pid, &start, &wait]).await {
        Ok(Some(row)) if !row.get::<_, bool>(0) => {
            Err(Error::new(Kind::Unavailable, format!("backend {pid} does not end"))
                .code(Code::CannotConnect)
                .detail(held))
        }
        Ok(_) => Ok(true),
        Err(error) if error.code().is_some_and(|state| state.code() == "42501") => Ok(false),
        Err(error) => Err(from_pg("could not end the session of the former owner", &error)),
    }
}
