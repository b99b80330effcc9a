//! The rows of a batch folded in memory, to the same digits as the server would.
//!
//! - [`Folder`] makes of the binary COPY tuples of a stream's rows what they add to each level of
//!   its rollups. `howdah_rollup::delta` has the SQL that merges it.
//! - [`Judge`] finds which events of a batch the checks of states refuse, in stream order.
//! - [`Repeats`] finds the rows of a batch that repeat the key of an earlier one.
//! - [`Screen`] finds the rows that the conditions of the table may refuse.
//!
//! Whatever this crate cannot compute exactly as PostgreSQL does is left to the server: at compile
//! time as [`Unsupported`], for a batch with a strange value as [`RowFault`].
//!
//! Invariant: no IO, no clock; no row changes the answer for another but by the fold itself.

mod bucket;
mod delta;
mod expr;
mod fault;
mod folder;
mod judge;
mod key;
mod literal;
mod measure;
mod numeric;
mod repeats;
mod screen;
mod tuple;
mod types;
mod value;
mod zone;

pub use delta::{Elements, LevelDelta, RollupDelta};
pub use fault::{Fault, RowFault, Unsupported};
pub use folder::Folder;
pub use judge::{Hearing, Judge, JudgedState, Leg, Refused, StateKeys, refused};
pub use repeats::Repeats;
pub use screen::Screen;
pub use tuple::TupleColumn;
pub use zone::ZoneProbe;
