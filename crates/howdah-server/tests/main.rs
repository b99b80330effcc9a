//! A server on a real socket, with a real PostgreSQL behind it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "main/client.rs"]
mod client;
#[path = "main/hostile.rs"]
mod hostile;
#[path = "main/keys.rs"]
mod keys;
#[path = "main/limits.rs"]
mod limits;
#[path = "main/malformed.rs"]
mod malformed;
#[path = "main/metrics.rs"]
mod metrics;
#[path = "main/once.rs"]
mod once;
#[path = "main/refused.rs"]
mod refused;
#[path = "main/site.rs"]
mod site;
#[path = "main/stored.rs"]
mod stored;
