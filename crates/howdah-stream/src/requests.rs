//! Requests: events that come together by HTTP, are stored together or not at all, and once.
//!
//! Many requests share a transaction. Each leaves a row in `howdah.http_requests` with its events:
//! a repetition finds the row and is given the same answer, and after a lost commit reply the row
//! tells that the commit was done.

use std::future::Future;

use howdah_error::Result;

use crate::batch::Row;

/// By what a repetition of a request is known.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId {
    /// The API key whose names these are; 0 for names that howdah gives itself.
    pub api_key: i64,
    /// The sender's `Idempotency-Key`, or a name of our own.
    pub name: String,
}

/// The events of one request.
#[derive(Debug, Clone)]
pub struct Request {
    /// By what a repetition is known.
    pub id: RequestId,
    /// SHA-256 of what was asked: another request under the same id is told from a repetition.
    pub fingerprint: [u8; 32],
    /// The rows of its events, in their order.
    pub rows: Vec<Row>,
    /// For each row which event it is of: 0, 1, …, rising. An event has one row or several legs.
    pub events: Vec<u32>,
}

impl Request {
    /// How many events it has.
    pub fn event_count(&self) -> u64 {
        self.events.last().map_or(0, |last| u64::from(*last) + 1)
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is stored: now, or by an earlier request with the same id and fingerprint.
    Stored {
        /// Events that were new.
        accepted: u64,
        /// Events whose key was there already.
        duplicates: u64,
        /// It was stored before.
        repeated: bool,
    },
    /// Another request has this id; nothing of this one is stored.
    OtherRequest,
    /// Some of its events were refused, so nothing of it is stored.
    Refused(Vec<RefusedEvent>),
}

/// An event that the database or the judge refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Which event of the request.
    pub event: u32,
    /// Why, as one word or an SQLSTATE.
    pub code: String,
    /// Why, as a sentence without values.
    pub reason: String,
}

/// The transactions by which requests were to be stored: one that was committed, and whose reply
/// was lost, is found by the next try, and makes no repetition of a request that came once.
#[derive(Debug, Clone, Default)]
pub struct Tries(Vec<u32>);

impl Tries {
    /// Notes a transaction that is about to be committed, by its id.
    pub fn add(&mut self, transaction: &str) {
        self.0.extend(short(transaction));
    }

    /// Whether one of them wrote a row with this `xmin`.
    pub fn wrote(&self, xmin: &str) -> bool {
        short(xmin).is_some_and(|xmin| self.0.contains(&xmin))
    }
}

/// The lower half of a transaction's id, which is what rows hold of it.
fn short(transaction: &str) -> Option<u32> {
    transaction.parse::<u64>().ok().map(|id| id as u32)
}

/// The one transaction of requests: their rows, all rollups, and what is kept of each request.
///
/// After an error of kind `Unavailable` the caller drops the writer, makes a new one and commits
/// the same requests again: those that the first try has committed are found stored. Success means
/// that what is told to be stored is durable.
pub trait CommitRequests: Send {
    /// Commits requests of different ids; a verdict for each, in their order. `tries` are the
    /// earlier ones of these requests, and those of this call are added.
    fn commit_requests(
        &mut self,
        requests: &[Request],
        tries: &mut Tries,
    ) -> impl Future<Output = Result<Vec<Verdict>>> + Send;
}
