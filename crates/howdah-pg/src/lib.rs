//! Every conversation with PostgreSQL: connect, TLS, pool, retry, introspect, migrate, the private
//! server.

mod array;
mod connect;
pub mod failpoint;
mod fault;
mod introspect;
mod lease;
pub mod migrate;
mod options;
mod pool;
mod retry;
mod rights;
pub mod server;

pub use array::{BinaryArray, RawValue};
pub use connect::{Canceller, Connection, MIN_SERVER_VERSION_NUM, connect, tls_client};
pub use fault::{Classified, Fault, classify, from_pg, sqlstate};
pub use introspect::{Scope, introspect, introspect_in_txn, introspect_scope, parse_bound};
pub use lease::{SeenLease, WatchedLease, end_session};
pub use options::{ConnectOptions, Limits, RootCert, SslMode};
pub use pool::{Pool, PoolStatus, PooledConnection};
pub use retry::{RetryPolicy, retry};
pub use rights::{Rights, RightsFinding, check_rights};
pub use server::{PrivateServer, ServerOptions};
