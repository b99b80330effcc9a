//! The testkit against real servers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "main/clock.rs"]
mod clock;
#[path = "main/cluster.rs"]
mod cluster;
#[path = "main/disk.rs"]
mod disk;
#[path = "main/proxy.rs"]
mod proxy;
#[path = "main/redis.rs"]
mod redis;
