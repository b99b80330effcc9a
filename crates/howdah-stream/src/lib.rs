//! Sources, decoding, batches, the one transaction, dead letters.

pub mod batch;

pub use batch::{Batch, Commit, Outcome, Position, Refusal, Replay, Row, ShardId};
