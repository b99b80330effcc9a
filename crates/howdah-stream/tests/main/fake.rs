//! A writer in memory that keeps what a database would, and fails when told to.

use std::sync::{Arc, Mutex, MutexGuard};

use howdah_error::{Error, Kind, Result};
use howdah_stream::{Batch, Commit, Outcome, Position, ShardId};

/// What a commit is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Succeed.
    Commit,
    /// Fail before anything is kept.
    FailBefore,
    /// Keep everything, then lose the reply.
    FailAfter,
    /// Refuse for good.
    Refuse,
}

/// What is durable.
#[derive(Debug, Default)]
pub struct Kept {
    /// The committed position.
    pub position: Option<Position>,
    /// The raw text of each row, in order.
    pub rows: Vec<String>,
    /// The code of each refusal, in order.
    pub refusals: Vec<String>,
    /// How many events each batch had.
    pub batches: Vec<u64>,
    /// Orders for the next commits; commits succeed when there are none left.
    pub orders: Vec<Order>,
    /// How many writers were made.
    pub writers: usize,
}

/// A database in memory; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Fake(Arc<Mutex<Kept>>);

impl Fake {
    /// What is durable.
    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("no test panics while it holds the lock")
    }

    /// A writer.
    pub fn connect(&self) -> FakeWriter {
        self.kept().writers += 1;
        FakeWriter(self.clone())
    }
}

/// A connection to the database in memory.
pub struct FakeWriter(Fake);

impl Commit for FakeWriter {
    async fn position(&mut self, _: &ShardId) -> Result<Option<Position>> {
        Ok(self.0.kept().position.clone())
    }

    async fn commit(&mut self, batch: &Batch) -> Result<Outcome> {
        tokio::task::yield_now().await;
        let mut kept = self.0.kept();
        if kept.position.as_ref() == Some(&batch.to) {
            return Ok(Outcome { already_committed: true, ..Outcome::default() });
        }
        assert_eq!(kept.position, batch.from, "a batch does not continue the last one");
        let order = if kept.orders.is_empty() { Order::Commit } else { kept.orders.remove(0) };
        match order {
            Order::FailBefore => return Err(Error::new(Kind::Unavailable, "away before")),
            Order::Refuse => return Err(Error::new(Kind::Refused, "no")),
            Order::Commit | Order::FailAfter => {}
        }
        assert_eq!(batch.events, (batch.rows.len() + batch.refusals.len()) as u64);
        kept.position = Some(batch.to.clone());
        kept.batches.push(batch.events);
        let text =
            |row: &howdah_stream::Row| String::from_utf8_lossy(&row.raw.to_bytes()).into_owned();
        kept.rows.extend(batch.rows.iter().map(text));
        kept.refusals.extend(batch.refusals.iter().map(|refusal| refusal.code.clone()));
        if order == Order::FailAfter {
            return Err(Error::new(Kind::Unavailable, "away after"));
        }
        Ok(Outcome {
            rows: batch.rows.len() as u64,
            duplicates: 0,
            dead_letters: batch.refusals.len() as u64,
            already_committed: false,
        })
    }
}
