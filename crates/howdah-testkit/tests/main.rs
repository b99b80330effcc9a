//! The testkit against real servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "main/cluster.rs"]
mod cluster;
#[path = "main/proxy.rs"]
mod proxy;
#[path = "main/redis.rs"]
mod redis;
