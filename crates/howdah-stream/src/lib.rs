//! Sources, decoding, batches, the one transaction, dead letters.
//!
//! [`run_shard`] is the whole of it for one shard of a source: a [`Reader`] gives events in order,
//! the [`Decoder`] makes rows or refusals of them, [`Batches`] cuts them into batches ahead of the
//! commit, and whatever implements [`Commit`] writes each in one transaction.

pub mod batch;
mod batcher;
mod csv;
pub mod dead_letters;
pub mod decode;
pub mod lease;
mod losses;
mod pace;
mod payload;
pub mod progress;
pub mod raw;
pub mod requests;
mod run;
pub mod source;
pub mod writer;

pub use batch::{
    Batch, Claim, Commit, Grant, Mark, Outcome, Phases, Position, Refusal, Replay, Row, ShardId,
    Term,
};
pub use batcher::Batches;
pub use decode::{Decoded, Decoder};
pub use howdah_pg::failpoint;
pub use lease::Keeper;
pub use pace::Pace;
pub use payload::Payload;
pub use progress::{Progress, Reporter};
pub use raw::{Body, Raw};
pub use requests::{CommitRequests, RefusedEvent, Request, RequestId, Tries, Verdict};
pub use run::{Ended, PATIENT, Run, run_shard};
pub use source::{Access, Lag, Opening, Reader};
pub use writer::{SourceSql, Writer};
