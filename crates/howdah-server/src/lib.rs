//! HTTP: requests into streams, API keys, health and metrics.
//!
//! A request is authenticated, received in bounded memory, decoded into rows as any source's
//! events are, and queued in the lane of its source, where it shares a transaction with others. The
//! answer is given after the commit. [`Server`] puts the parts together.

mod answer;
mod body;
mod budget;
mod collect;
mod headers;
mod health;
mod inflate;
mod ingest;
mod jobs;
pub mod keys;
mod lane;
mod listen;
mod metrics;
mod serve;
mod server;
mod shards;
mod source;

pub use jobs::{Jobs, Outcome};
pub use server::{Server, Setup};
pub use shards::Shards;
