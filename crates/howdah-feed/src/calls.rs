//! The feed of the calls system: calls, their auctions, the bids in them, the money, the checks.
//!
//! Each call is played to its end: it is checked, auctioned, routed, answered and billed, and what
//! follows at a moment depends on what came before it: a bid without money is refused, and so does
//! not win. The play keeps the books while it goes on, so that what a store must hold is known to
//! the last digit. Rates, skew and faults are those of the brief, §8.

mod books;
mod course;
mod entities;
mod market;
mod messages;
mod people;

pub(crate) use course::Course;
pub(crate) use entities::entities_sql;
