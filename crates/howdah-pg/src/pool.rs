//! A bounded pool of [`Connection`]s to one database.
//!
//! deadpool's managed pool rather than deadpool-postgres: a connection's set-up and its errors are
//! howdah's own, and deadpool-postgres can report only the driver's errors.

use std::ops::{Deref, DerefMut};

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, PoolError, RecycleError, RecycleResult, TimeoutType};
use howdah_error::{Code, Error, Kind, Result};

use crate::connect::{Connection, connect};
use crate::options::ConnectOptions;

struct Manager(ConnectOptions);

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = Error;

    async fn create(&self) -> Result<Connection> {
        connect(&self.0).await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Error> {
        connection
            .reset()
            .await
            .map_err(|error| RecycleError::message(format!("could not be reset: {error}")))
    }
}

/// A pool of at most [`Limits::pool_size`](crate::Limits::pool_size) connections; clones share it.
///
/// A connection that comes back is reset (transaction, role, settings, locks, temporary tables)
/// before it is given out again, so that nothing of one user reaches the next.
#[derive(Clone)]
pub struct Pool(managed::Pool<Manager>);

impl Pool {
    /// A pool that connects when a connection is first wanted.
    pub fn new(options: ConnectOptions) -> Result<Self> {
        let limits = *options.get_limits();
        managed::Pool::builder(Manager(options))
            .max_size(limits.pool_size.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(limits.connect_timeout))
            // `connect` bounds itself and says more than this bound, which is only a net below it.
            .create_timeout(Some(limits.connect_timeout * 2))
            .recycle_timeout(Some(limits.connect_timeout))
            .build()
            .map(Self)
            .map_err(|error| Error::internal("the pool cannot be built").source(error))
    }

    /// A connection, waiting for a free one at most `connect_timeout`.
    ///
    /// Errors: those of [`connect`], and HD0101 when all connections stay in use.
    pub async fn get(&self) -> Result<PooledConnection> {
        self.0.get().await.map(PooledConnection).map_err(|error| self.refused(error))
    }

    /// How full it is.
    pub fn status(&self) -> PoolStatus {
        let status = self.0.status();
        PoolStatus {
            most: status.max_size,
            open: status.size,
            idle: status.available,
            waiting: status.waiting,
        }
    }

    /// Closes the pool: idle connections end now, lent ones when they come back.
    pub fn close(&self) {
        self.0.close();
    }

    /// The options of the pool's connections.
    pub fn options(&self) -> &ConnectOptions {
        &self.0.manager().0
    }

    fn refused(&self, error: PoolError<Error>) -> Error {
        let size = self.options().get_limits().pool_size;
        match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(TimeoutType::Wait) => {
                Error::new(Kind::Unavailable, "no free connection in the pool")
                    .code(Code::CannotConnect)
                    .detail(format!("All {size} connections stayed in use."))
                    .hint("Raise the pool size, or look for statements that run too long.")
            }
            PoolError::Timeout(_) => {
                Error::new(Kind::Unavailable, "could not connect to PostgreSQL in time")
                    .code(Code::CannotConnect)
                    .detail(format!("The {} did not answer.", self.options()))
            }
            PoolError::Closed => Error::new(Kind::Refused, "the pool is closed"),
            PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
                Error::internal("the pool is misconfigured")
            }
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pool({})", self.options())
    }
}

/// How full a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStatus {
    /// The most connections.
    pub most: usize,
    /// Connections that are open.
    pub open: usize,
    /// Of these, the ones that nobody uses.
    pub idle: usize,
    /// How many wait for one.
    pub waiting: usize,
}

/// A connection lent by a [`Pool`]; dropping it gives it back.
pub struct PooledConnection(managed::Object<Manager>);

impl Deref for PooledConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}
