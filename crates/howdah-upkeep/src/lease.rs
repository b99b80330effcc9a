//! Who does the upkeep: one process at a time, by a lease and an epoch as shards have them.
//!
//! The truth is the row of `howdah.upkeep_lease`. The lease ends by the database's clock, or at
//! once when the session that works under it is gone. Whoever takes the upkeep ends the session of
//! the former owner and raises the epoch; what changes data for upkeep holds the epoch until its
//! commit (`howdah.hold_upkeep`), so that an owner that was stopped writes nothing when it wakes.

use std::time::Duration;

use howdah_error::{Code, Error, Kind, Result};
use howdah_pg::{
    ConnectOptions, Connection, SeenLease, WatchedLease, connect, end_session, from_pg,
};
use tokio_util::sync::CancellationToken;

/// Who wants the upkeep, and for how long at a time.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The process, as people know it and unlike every other: `host pid nonce`.
    pub owner: String,
    /// How long it owns the upkeep unless it renews the lease.
    pub lease: Duration,
}

/// What came of a try to take the upkeep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// It is held, under this epoch.
    Held(i64),
    /// It is another's.
    Owned(String),
}

/// Takes the upkeep for the session of `connection`, unless it is another's who is alive.
pub async fn take(
    connection: &Connection,
    claim: &Claim,
    watched: &mut Option<WatchedLease>,
) -> Result<Grant> {
    let seen = look(connection).await?;
    let mut forced = !seen.present;
    if seen.is_owned(&claim.owner) {
        if !WatchedLease::overdue(watched, &seen, claim.lease) {
            return Ok(Grant::Owned(seen.owner.unwrap_or_default()));
        }
        tracing::warn!("the lease of the upkeep outlasts every lease and nobody renews it");
        forced = true;
    }
    if seen.owner.is_some() && seen.present {
        terminate(connection, &seen).await?;
    }
    let row = connection
        .query_opt(
            include_str!("lease/take.sql"),
            &[&claim.owner, &claim.lease.as_secs_f64(), &seen.epoch, &forced],
        )
        .await
        .map_err(|error| from_pg("could not take the upkeep", &error))?;
    let Some(row) = row else {
        let owner = look(connection).await?.owner.unwrap_or_default();
        return Ok(Grant::Owned(owner));
    };
    let epoch: i64 = row.get(0);
    connection
        .query_one("select set_config('howdah.upkeep_epoch', $1, false)", &[&epoch.to_string()])
        .await
        .map_err(|error| from_pg("could not take the upkeep", &error))?;
    Ok(Grant::Held(epoch))
}

/// Gives the upkeep back; nothing happens when it is another's already.
pub async fn release(connection: &Connection, epoch: i64) -> Result<()> {
    let free = "update howdah.upkeep_lease set owner = null, lease_until = null, \
                owner_pid = null, owner_start = null where epoch = $1";
    connection
        .execute(free, &[&epoch])
        .await
        .map(|_| ())
        .map_err(|error| from_pg("could not give the upkeep back", &error))
}

/// Renews the lease until it is lost: then `lost` is cancelled. Never ends.
///
/// A connection of its own, because a job may be at one statement for longer than a lease lasts.
pub async fn keep(options: &ConnectOptions, epoch: i64, lease: Duration, lost: &CancellationToken) {
    let mut connection = None;
    loop {
        tokio::time::sleep(lease / 3).await;
        match tokio::time::timeout(lease, renew(options, &mut connection, epoch, lease)).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => lost.cancel(),
            // While the database is away nobody takes the lease either.
            Ok(Err(error)) => {
                connection = None;
                tracing::debug!(%error, "could not renew the lease of the upkeep");
            }
            Err(_) => connection = None,
        }
    }
}

async fn renew(
    options: &ConnectOptions,
    connection: &mut Option<Connection>,
    epoch: i64,
    lease: Duration,
) -> Result<bool> {
    howdah_pg::failpoint::hit("upkeep.renew").await?;
    let open = match connection.take() {
        Some(open) => open,
        None => connect(options).await?,
    };
    let renewed = open
        .execute(
            "update howdah.upkeep_lease set lease_until = clock_timestamp() + \
             make_interval(secs => $2::float8) where epoch = $1",
            &[&epoch, &lease.as_secs_f64()],
        )
        .await
        .map_err(|error| from_pg("could not renew the lease of the upkeep", &error))?;
    *connection = Some(open);
    Ok(renewed == 1)
}

/// The error of a process whose upkeep is another's.
pub fn taken(owner: &str) -> Error {
    let mut error = Error::new(Kind::Conflict, "another process does the upkeep")
        .code(Code::UpkeepTaken)
        .hint("`howdah status` tells what it does; end it to do the upkeep from here.");
    let mut parts = owner.split(' ');
    if let (Some(host), Some(pid)) = (parts.next(), parts.next()) {
        error = error.detail(format!("It is process {pid} on {host}."));
    }
    error
}

async fn look(connection: &Connection) -> Result<SeenLease> {
    connection
        .query_one(include_str!("lease/look.sql"), &[])
        .await
        .map(|row| SeenLease::of(&row))
        .map_err(|error| from_pg("could not look at the lease of the upkeep", &error))
}

/// Ends the session of the former owner, with what it has begun.
async fn terminate(connection: &Connection, seen: &SeenLease) -> Result<()> {
    let Some(session) = seen.session else { return Ok(()) };
    if !end_session(connection, session, "It did the upkeep before.").await? {
        // The epoch keeps what it has begun from being committed.
        tracing::warn!(
            pid = session.0,
            "this login may not end the session of the former owner of the upkeep; grant \
             pg_signal_backend to it, or run all howdah processes with one login"
        );
    }
    Ok(())
}
