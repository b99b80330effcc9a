//! The testkit against real servers.

#[path = "main/cluster.rs"]
mod cluster;
#[path = "main/proxy.rs"]
mod proxy;
#[path = "main/redis.rs"]
mod redis;
