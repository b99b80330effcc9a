//! Why a try of a batch failed, and whether another one is worth it on the same connection.

use howdah_error::{Error, Kind};
use howdah_pg::{Fault, classify, from_pg, sqlstate};
use tokio_postgres::error::SqlState;

/// What may be done after a failure, beside giving it to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Nothing on this connection.
    No,
    /// The same once more: a deadlock, a serialization failure, a lock that was not had in time.
    Same,
    /// The same, with the locks of its streams for itself alone.
    Alone,
    /// The same in smaller statements: one took longer than `statement_timeout`, or was cancelled.
    Smaller,
}

/// A failed try; the transaction is to be rolled back.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) error: Error,
    pub(super) again: Again,
}

pub(super) type Tried<T> = Result<T, Failed>;

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self { error, again: Again::No }
    }
}

/// The failure of a statement; `context` says what was tried.
pub(super) fn failed(context: &str) -> impl Fn(tokio_postgres::Error) -> Failed {
    move |error| {
        let again = match sqlstate(&error) {
            Some(&SqlState::QUERY_CANCELED) => Again::Smaller,
            _ if classify(&error) == Fault::Retry => Again::Same,
            _ => Again::No,
        };
        Failed { error: from_pg(context, &error), again }
    }
}

/// Somebody dropped or detached a chunk after it was seen. Not the row's fault: a new writer sees
/// that the chunk is missing and makes it.
pub(super) fn chunk_gone(error: &tokio_postgres::Error) -> Failed {
    let message = "a chunk that the batch needs is gone";
    let source = from_pg("could not apply a batch", error);
    Error::new(Kind::Unavailable, message).source(source).into()
}
