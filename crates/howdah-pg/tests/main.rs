//! Conversations with a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "main/connect.rs"]
mod connect;
#[path = "main/faults.rs"]
mod faults;
#[path = "main/introspect.rs"]
mod introspect;
#[path = "main/migrate.rs"]
mod migrate;
#[path = "main/pool.rs"]
mod pool;
#[path = "main/private_server.rs"]
mod private_server;
#[path = "main/rights.rs"]
mod rights;
#[path = "main/tls.rs"]
mod tls;
