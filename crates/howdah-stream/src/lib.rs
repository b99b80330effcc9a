//! Sources, decoding, batches, the one transaction, dead letters.

pub mod batch;
mod csv;
pub mod decode;
pub mod raw;

pub use batch::{Batch, Commit, Outcome, Position, Refusal, Replay, Row, ShardId};
pub use decode::Decoder;
pub use raw::{Body, Raw};
