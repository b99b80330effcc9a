//! The heartbeat: one connection that renews every lease of this process.
//!
//! A connection of its own, because a writer may be busy with one batch for longer than a lease
//! lasts. What it proves is that the process lives and reaches the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use howdah_error::Result;
use howdah_pg::{ConnectOptions, Connection, RetryPolicy, connect, from_pg};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::batch::ShardId;
use crate::failpoint;

/// Renews leases until it is dropped.
#[derive(Debug)]
pub struct Keeper {
    leases: Leases,
    task: JoinHandle<()>,
}

/// A lease that is being renewed, until this is dropped.
#[derive(Debug)]
pub struct Held {
    leases: Leases,
    number: u64,
    lost: CancellationToken,
}

#[derive(Debug, Clone)]
struct Lease {
    shard: ShardId,
    epoch: i64,
    lost: CancellationToken,
}

/// The leases to renew, by a running number.
#[derive(Debug, Clone, Default)]
struct Leases(Arc<Mutex<(u64, HashMap<u64, Lease>)>>);

impl Leases {
    fn lock(&self) -> MutexGuard<'_, (u64, HashMap<u64, Lease>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Lease> {
        self.lock().1.values().cloned().collect()
    }
}

impl Keeper {
    /// Renews leases for `lease` at a time, three times as often as they run out.
    pub fn start(options: ConnectOptions, lease: Duration) -> Self {
        let leases = Leases::default();
        let task = tokio::spawn(keep(options, lease, leases.clone()));
        Self { leases, task }
    }

    /// Renews this lease from now on.
    pub fn hold(&self, shard: &ShardId, epoch: i64) -> Held {
        let lost = CancellationToken::new();
        let mut leases = self.leases.lock();
        leases.0 += 1;
        let number = leases.0;
        leases.1.insert(number, Lease { shard: shard.clone(), epoch, lost: lost.clone() });
        drop(leases);
        Held { leases: self.leases.clone(), number, lost }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Held {
    /// Waits until the shard has another owner.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.leases.lock().1.remove(&self.number);
    }
}

/// Beats for ever. While the database is away no lease can be renewed, and none be taken.
async fn keep(options: ConnectOptions, lease: Duration, leases: Leases) {
    let policy = RetryPolicy { cap: lease / 3, ..RetryPolicy::default() };
    let (mut connection, mut failed, mut wait) = (None, 0, lease / 3);
    loop {
        tokio::time::sleep(std::mem::replace(&mut wait, lease / 3)).await;
        let held = leases.all();
        if held.is_empty() {
            continue;
        }
        // A network that swallows the beat must not keep the next one from being tried.
        let beat = beat(&options, &mut connection, &held, lease);
        let error = match tokio::time::timeout(lease, beat).await {
            Ok(Ok(())) => {
                failed = 0;
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the database does not answer".to_owned(),
        };
        connection = None;
        failed += 1;
        tracing::debug!(error, failed, "could not renew the leases");
        wait = policy.wait(failed);
    }
}

async fn beat(
    options: &ConnectOptions,
    connection: &mut Option<Connection>,
    held: &[Lease],
    lease: Duration,
) -> Result<()> {
    failpoint::hit("lease.renew").await?;
    let failed = |error| from_pg("could not renew the leases", &error);
    let open = match connection.take() {
        Some(open) => open,
        None => connect(options).await?,
    };
    let sources: Vec<&str> = held.iter().map(|lease| lease.shard.source.as_str()).collect();
    let shards: Vec<&str> = held.iter().map(|lease| lease.shard.shard.as_str()).collect();
    let epochs: Vec<i64> = held.iter().map(|lease| lease.epoch).collect();
    let seconds = lease.as_secs_f64();
    let renew = include_str!("renew.sql");
    open.execute(renew, &[&sources, &shards, &epochs, &seconds]).await.map_err(failed)?;
    let lost = open.query(include_str!("lost.sql"), &[&sources, &shards, &epochs]).await;
    for row in lost.map_err(failed)? {
        let place: i64 = row.get(0);
        if let Some(lease) = usize::try_from(place - 1).ok().and_then(|at| held.get(at)) {
            lease.lost.cancel();
        }
    }
    *connection = Some(open);
    Ok(())
}
