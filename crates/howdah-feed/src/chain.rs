//! The feed of the chain system: a contract's events as a producer puts them into Redis Streams,
//! and, computed apart from everything that ingests them, what must follow from them.

mod broken;
mod course;
mod event;
mod keccak;
mod profile;
mod questions;
mod story;
mod tables;
mod wide;
mod world;

use std::fmt::Write as _;

use howdah_error::Result;

pub use event::{
    Body, ChainEvent, NAMES, Place, SIGNATURES, STREAMS, Stake, VaultId, VaultKind, atom_id,
    counter_term, message, reorganisation, triple_id,
};
pub use keccak::{Id, keccak256};
pub use questions::{QUESTIONS, Question};
pub use story::story;
pub use tables::Tables;

pub(crate) use course::Course;

use crate::{Event, Options};

/// An account or a contract.
pub type Address = [u8; 20];

/// The chain of the deployment that the feed plays.
pub const CHAIN_ID: u64 = 1155;

/// The contract of the deployment that the feed plays.
pub const CONTRACT: Address = [
    0x6e, 0x35, 0xcf, 0x57, 0xa4, 0x1f, 0xa1, 0x5e, 0xa0, 0xea, 0xe9, 0xc3, 0x3e, 0x75, 0x1b, 0x01,
    0xa7, 0x84, 0xfe, 0x7e,
];

/// Shares that every vault has from the start, held by nobody.
pub const MINIMUM_SHARE: u128 = 1_000_000;

/// One share, and a price of one: 10^18.
pub const ONE: u128 = 1_000_000_000_000_000_000;

/// A whole feed: its messages in order of arrival, and the live events behind them.
pub fn play(options: &Options) -> Result<(Vec<Event>, Vec<ChainEvent>)> {
    crate::checked(options)?;
    let mut course = Course::new(options)?;
    course.keep();
    let messages = course.by_ref().collect();
    Ok((messages, course.kept()))
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}
