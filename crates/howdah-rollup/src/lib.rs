//! Rollups and states compiled to SQL.
//!
//! From the one text of a measure come its columns, the fold of a batch, the rebuild of a range
//! and the proof that the table equals its stream; they cannot drift apart because each is put
//! together from the same [`column::RollupColumn`]s.
//!
//! - [`table`]: the table of a level;
//! - [`fold`]: the one statement that inserts a batch's new rows and folds them everywhere;
//! - [`delta`]: the upsert of a level, from that statement or from the writer's memory;
//! - [`judge`]: which event of a batch would break a state's check;
//! - [`derive`]: derived rollups, from what a batch changed of their states;
//! - [`recompute`]: rebuild of a range, and the proof;
//! - [`mend`]: the rebuild of a range that writers do not notice;
//! - [`retract`]: events taken back, and every rollup after them;
//! - [`subtract`]: which rollups events can be taken away from without reading others;
//! - [`reorganise`]: which blocks are replaced, and so which events are taken back;
//! - [`span`]: rollups of the times between events, from what a batch changed of neighbours;
//! - [`horizon`]: which rows can still be told from the stream's events;
//! - [`history`]: where the events are once they are folded;
//! - [`staging`]: the temporary table that a batch is copied into;
//! - [`lock`]: the advisory locks that order folds, rebuilds and judgements.
//!
//! Invariant: no IO. SQL is made of typed names and of expressions that the server has checked.

pub mod bucket;
pub mod column;
pub mod delta;
pub mod derive;
pub mod fold;
pub mod history;
pub mod horizon;
pub mod judge;
pub mod lock;
pub mod mend;
mod position;
pub mod recompute;
pub mod reorganise;
pub mod retract;
pub mod span;
pub mod staging;
pub mod subtract;
pub mod table;

pub use bucket::{bucket_sql, bucket_type};
