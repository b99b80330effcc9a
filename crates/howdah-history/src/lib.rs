//! History: old chunks of a stream folded into segments, read together with the recent rows, and
//! put back.
//!
//! A segment is one row of an ordinary table: up to 2,000 events of one tenant and key as typed
//! arrays, with their number, first and last time, and the least, greatest and sum of each column
//! where these have a meaning. How each column is kept is its [`Code`]; the columns of a segment
//! table are a [`Layout`]; chunks whose data are alike share one.
//!
//! The fold ([`mod@fold`]) reads a chunk's rows in their order and writes each segment with what it
//! knows of it; values whose type it does not know pass as the bytes that the server gave. What
//! reads segments ([`read_sql`]) and puts events back is SQL alone.
//!
//! Invariant: at every moment an event is in its chunk or in one segment, never in both or neither:
//! each move is one transaction.

mod choose;
pub mod chunks;
pub mod code;
mod exact;
mod fill;
pub mod fold;
mod gather;
pub mod keep;
pub mod layout;
pub mod read_sql;
pub mod restore;
mod session;
pub mod status;
mod step;
mod store;
mod wire;
pub mod write_sql;

pub use code::{Code, Column, Shape, Width};
pub use fold::{Folded, drop_views, empty_chunk, fold_chunk, prepare};
pub use layout::{Coded, Later, Layout, SEGMENT_ROWS};
pub use restore::restore_chunk;
pub use status::{ChunkState, StreamState};
