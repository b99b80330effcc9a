//! The loads of the brief, §12.

use howdah_error::{Error, Result};

/// How events are put into messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// What a block has of a kind: usually one to five events.
    Block,
    /// As many as fit into the producer's 75 KB.
    Full,
    /// So many.
    Of(usize),
}

/// A load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Profile {
    pub(super) accounts: u32,
    /// Atoms made before anything else happens.
    pub(super) first_atoms: usize,
    /// Accounts and atoms are chosen evenly, not by Zipf's law.
    pub(super) uniform: bool,
    pub(super) deposits_only: bool,
    /// One vault gets half of the stakes, one predicate and object most of the triples.
    pub(super) hot: bool,
    pub(super) chunks: Chunks,
    /// A message arrives up to so many events late.
    pub(super) disorder: u64,
    pub(super) duplicates_per_million: u32,
    pub(super) broken_per_million: u32,
    /// The chain is reorganised about each so many blocks; 0: never.
    pub(super) reorganised_each: u64,
}

/// The loads by name, and what they are.
const NAMES: [&str; 10] =
    ["mixed", "L1", "L1-zipf", "L1-75", "L1-zipf-75", "L2", "L3", "L4", "L5", "L6"];

impl Profile {
    /// The load of that name; empty: everything a little.
    pub(super) fn named(name: &str) -> Result<Self> {
        let mixed = Self {
            accounts: 4_000,
            first_atoms: 0,
            uniform: false,
            deposits_only: false,
            hot: false,
            chunks: Chunks::Block,
            disorder: 300,
            duplicates_per_million: 10_000,
            broken_per_million: 1_000,
            reorganised_each: 0,
        };
        let exact = Self { duplicates_per_million: 0, broken_per_million: 0, ..mixed };
        let stakes = Self {
            accounts: 1_000,
            first_atoms: 200,
            deposits_only: true,
            chunks: Chunks::Of(1),
            disorder: 0,
            ..exact
        };
        Ok(match name {
            "" | "mixed" => mixed,
            "L1" => Self { uniform: true, ..stakes },
            "L1-zipf" => stakes,
            "L1-75" => Self { uniform: true, chunks: Chunks::Of(75), ..stakes },
            "L1-zipf-75" => Self { chunks: Chunks::Of(75), ..stakes },
            "L2" => Self { disorder: 3_000, ..exact },
            "L3" => Self { chunks: Chunks::Full, disorder: 0, ..exact },
            "L4" => Self { disorder: 0, ..exact },
            "L5" => Self { hot: true, chunks: Chunks::Full, ..exact },
            "L6" => Self {
                duplicates_per_million: 300_000,
                broken_per_million: 10_000,
                reorganised_each: 1_000,
                ..mixed
            },
            _ => {
                return Err(Error::input(format!("there is no load \"{name}\" of the chain"))
                    .hint(format!("Loads: {}.", NAMES.join(", "))));
            }
        })
    }
}
