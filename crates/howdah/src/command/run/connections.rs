//! Whether the server allows as many connections as a run needs, told at its start.

use howdah_error::{Code, Error, Result};
use howdah_pg::{Connection, from_pg};
use howdah_stream::source::shards_of;
use howdah_system::Source;

/// The leases, and what looks at the database at the start.
const OWN: usize = 2;

/// What a run connects for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    shards: usize,
    /// Sources of requests, each with a writer.
    requests: usize,
    /// The pool from which requests are looked up.
    pool: usize,
    /// What upkeep has.
    upkeep: usize,
}

impl Wanted {
    /// Of sources that are read, and of sources of requests; `pool` is the size of the pool.
    pub fn new(read: &[&Source], requests: &[&Source], pool: usize) -> Self {
        let shards = read.iter().map(|source| shards_of(source).len()).sum();
        let pool = if requests.is_empty() { 0 } else { pool };
        Self { shards, requests: requests.len(), pool, upkeep: 0 }
    }

    /// The same, where this process does the upkeep.
    pub fn with_upkeep(self, enabled: bool) -> Self {
        Self { upkeep: if enabled { howdah_upkeep::run::CONNECTIONS } else { 0 }, ..self }
    }

    fn count(self) -> usize {
        self.shards + self.requests + self.pool + self.upkeep + OWN
    }
}

/// Fails with HD0101 when the server would refuse some of them, whoever else is connected.
pub async fn check(connection: &Connection, wanted: Wanted) -> Result<()> {
    let row = connection
        .query_one(include_str!("connections.sql"), &[])
        .await
        .map_err(|error| from_pg("could not read the limit of connections", &error))?;
    let allowed: i32 = row.get(0);
    let count = wanted.count();
    if usize::try_from(allowed).is_ok_and(|allowed| count <= allowed) {
        return Ok(());
    }
    let Wanted { shards, requests, pool, upkeep } = wanted;
    let message = format!("this run needs {count} connections and the server allows {allowed}");
    Err(Error::input(message)
        .code(Code::CannotConnect)
        .detail(format!(
            "Shards have {shards}, sources of requests {requests}, the pool {pool}, upkeep {upkeep}, \
             leases and the start {OWN}; max_connections and the limits of the login and of the database count."
        ))
        .hint(
            "Raise the limit, lower pool_size in [database], or divide the sources over several \
             servers.",
        ))
}
