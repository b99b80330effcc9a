//! The binary, as its users run it, against a real PostgreSQL and a real Redis.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "main/away.rs"]
mod away;
#[path = "main/broken.rs"]
mod broken;
#[path = "main/calls.rs"]
mod calls;
#[path = "main/campaign/mod.rs"]
mod campaign;
#[path = "main/chain.rs"]
mod chain;
#[path = "main/cli.rs"]
mod cli;
#[path = "main/factory.rs"]
mod factory;
#[path = "main/files.rs"]
mod files;
#[path = "main/history.rs"]
mod history;
#[path = "main/http.rs"]
mod http;
#[path = "main/latency.rs"]
mod latency;
#[path = "main/leases.rs"]
mod leases;
#[path = "main/market.rs"]
mod market;
#[path = "main/monitoring.rs"]
mod monitoring;
#[path = "main/mqtt.rs"]
mod mqtt;
#[path = "main/rebuilds.rs"]
mod rebuilds;
#[path = "main/recorded.rs"]
mod recorded;
#[path = "main/review.rs"]
mod review;
#[path = "main/rig.rs"]
mod rig;
#[path = "main/shards.rs"]
mod shards;
#[path = "main/signals.rs"]
mod signals;
#[path = "main/two.rs"]
mod two;
#[path = "main/upkeep.rs"]
mod upkeep;
