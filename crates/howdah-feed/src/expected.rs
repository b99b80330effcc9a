//! What a store must hold once every event of a feed was offered to it.

/// Why an event cannot be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Broken {
    /// A field of the key is missing.
    MissingKey,
    /// The time is missing.
    MissingTime,
    /// A quantity below zero.
    NegativeSize,
    /// The message ends in the middle.
    Malformed,
    /// The time is ten years after the end of the feed.
    FarFuture,
    /// The tenant is not one of the entities.
    UnknownTenant,
    /// An address that is none.
    BadAddress,
    /// An id of another length.
    BadBytes32,
    /// Digits that are not hexadecimal.
    BadHex,
    /// A kind of vault that there is not.
    BadVaultType,
    /// Name and signature of the event disagree.
    UnknownSignature,
    /// Of a contract that is not a known deployment.
    ForeignAddress,
    /// A hold for which the account has no money.
    OverLimit,
    /// A client's second try under the name of the first, at another time.
    Retried,
    /// The name of an event that was there, with another content.
    Conflicting,
}

impl Broken {
    /// Every kind, in order.
    pub const ALL: [Self; 15] = [
        Self::MissingKey,
        Self::MissingTime,
        Self::NegativeSize,
        Self::Malformed,
        Self::FarFuture,
        Self::UnknownTenant,
        Self::BadAddress,
        Self::BadBytes32,
        Self::BadHex,
        Self::BadVaultType,
        Self::UnknownSignature,
        Self::ForeignAddress,
        Self::OverLimit,
        Self::Retried,
        Self::Conflicting,
    ];
}

/// Counts of one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Distinct valid events: the rows that must be there.
    pub rows: u64,
    /// Exact repeats, which must change nothing.
    pub duplicates: u64,
    /// Events that must become dead letters.
    pub broken: u64,
}

/// A sum that the feed has kept itself, and the query that must give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What it is, for people.
    pub what: &'static str,
    /// A query for one number.
    pub sql: String,
    /// The number.
    pub is: String,
}

/// Counts of all that a feed has made, kept apart from the events while they are made.
///
/// Complete when the feed has ended; before, it counts events that are still held back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    streams: Vec<(&'static str, Counts)>,
    broken: [u64; Broken::ALL.len()],
    late: u64,
    out_of_order: u64,
    claims: Vec<Claim>,
}

impl Expected {
    /// The counts of a stream; zeroes for one that had no event.
    #[must_use]
    pub fn stream(&self, name: &str) -> Counts {
        self.streams
            .iter()
            .find(|(stream, _)| *stream == name)
            .map_or_else(Counts::default, |(_, counts)| *counts)
    }

    /// Every stream that had an event, in the order of their first events.
    pub fn streams(&self) -> impl Iterator<Item = (&'static str, Counts)> + '_ {
        self.streams.iter().copied()
    }

    /// The counts of all streams together.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.streams.iter().fold(Counts::default(), |sum, (_, counts)| Counts {
            rows: sum.rows + counts.rows,
            duplicates: sum.duplicates + counts.duplicates,
            broken: sum.broken + counts.broken,
        })
    }

    /// How many events are broken in this way.
    #[must_use]
    pub fn broken(&self, kind: Broken) -> u64 {
        self.broken[kind as usize]
    }

    /// Events held back for up to an hour.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Events held back for up to five seconds.
    #[must_use]
    pub fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    /// Sums that hold once all of the feed is stored, in an empty store.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    pub(crate) fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    pub(crate) fn count_row(&mut self, stream: &'static str) {
        self.counts(stream).rows += 1;
    }

    pub(crate) fn count_duplicate(&mut self, stream: &'static str) {
        self.counts(stream).duplicates += 1;
    }

    pub(crate) fn count_broken(&mut self, stream: &'static str, kind: Broken) {
        self.counts(stream).broken += 1;
        self.broken[kind as usize] += 1;
    }

    pub(crate) fn count_late(&mut self) {
        self.late += 1;
    }

    pub(crate) fn count_out_of_order(&mut self) {
        self.out_of_order += 1;
    }

    fn counts(&mut self, stream: &'static str) -> &mut Counts {
        let known = self.streams.iter().position(|(name, _)| *name == stream);
        let index = known.unwrap_or_else(|| {
            self.streams.push((stream, Counts::default()));
            self.streams.len() - 1
        });
        &mut self.streams[index].1
    }
}
