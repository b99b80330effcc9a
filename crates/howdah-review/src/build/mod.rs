//! Files to a database: every statement is run on a scratch server, and what it did is kept.

mod advice;
mod again;
mod cascade;
mod extensions;
mod missing;
mod newer;
mod ours;
mod run;
mod scratch;
mod session;
mod trace;

/// Which tables' updates or deletes are published.
pub(crate) const PUBLISHED: &str = include_str!("published.sql");

pub use advice::{Advice, advice};
pub use again::repeat;
pub use run::{build, build_before};
pub use scratch::{Scratch, ScratchDatabase};
pub(crate) use session::{REACHING, Session};
